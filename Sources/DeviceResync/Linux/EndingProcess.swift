import CLinux
import SystemPackage

/// Asks a process to end in order (SIGTERM).
///
/// - Parameters:
///   - process: its number.
///   - start: when it started; a later one that got its number is left alone.
/// - Returns: whether it was there.
func askToEnd(_ process: Int32, startedAt start: UInt64) throws(Errno) -> Bool {
  let descriptor = cl_open_process(process)
  if descriptor == -Errno.noSuchProcess.rawValue { return false }
  let held = OwnedDescriptor(adopting: try check(descriptor))
  // Looked at once it is held: from here on the number can lead nowhere else.
  guard try startTime(of: process) == start else { return false }
  let result = cl_ask_to_end(held.rawValue)
  if result == -Errno.noSuchProcess.rawValue { return false }
  try check(result)
  return true
}
