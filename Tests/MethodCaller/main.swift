import CProbe
import DeviceResync
import Glibc
import ReplicationService
import SystemPackage

// A program that is not vmresync, and calls the method through the library:
//
//   method-caller CONFIGURATION STATE-DIRECTORY SYSTEM [START-TIME]
//
// prints the return value and the job's InstanceID, or null.

unsafe probe_helper_enter(CommandLine.argc, CommandLine.unsafeArgv)
ReplicationService.enterIfAsked(CommandLine.arguments)

let words = CommandLine.arguments
guard words.count >= 4 else { exit(2) }
do throws(ResyncError) {
  // Jobs are started by `vmresync job run-due` of the same state directory.
  let service = ReplicationService(
    try Configuration(at: FilePath(words[1])), stateDirectory: FilePath(words[2]),
    launch: { _ throws(ResyncError) in })
  let (value, job) = service.resynchronize(
    computerSystem: words[3], startTime: words.count > 4 ? words[4] : nil)
  print("\(value.rawValue) \(job.map { "\($0.id)" } ?? "null")")
} catch {
  print("\(error.returnValue.rawValue) null")
}
