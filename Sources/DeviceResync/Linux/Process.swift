import CLinux
import Glibc
package import SystemPackage

/// Whether this process has root's user id.
func isRoot() -> Bool { geteuid() == 0 }

/// This process's id.
func ownProcess() -> Int32 { getpid() }

/// Ends this process at once: no thread is waited for, and nothing is flushed (_exit(2)).
func endProcess(_ status: Int32) -> Never { _exit(status) }

/// Gives this process the name that ps(1) and who looks for users of a disk read, at most 15 bytes.
func nameProcess(_ name: String) {
  // Of no consequence where it fails: the name stays the executable's.
  _ = unsafe cl_name_process(name)
}

/// A signal's name, such as `SIGKILL`.
func signalName(_ number: Int32) -> String {
  guard let name = unsafe cl_signal_name(number) else { return "signal \(number)" }
  return unsafe "SIG" + String(cString: name)
}

/// The current working directory; `/` where it cannot be told.
package func workingDirectory() -> FilePath {
  // /proc/self/cwd is the kernel's own word, without a buffer to size.
  (try? linkTarget("/proc/self/cwd")) ?? "/"
}

/// `path` from the root on, so that it leads to the same place from every working directory.
public func absolutePath(_ path: String) -> String { workingDirectory().pushing(FilePath(path)).string }

/// Why the kernel gives this process no io_uring; nil where it does.
func ringRefusal() -> Errno? {
  let result = cl_try_ring()
  return result < 0 ? Errno(rawValue: -result) : nil
}

/// Tells this boot from every other (random(4), `boot_id`).
func bootID() throws(Errno) -> UniqueID {
  guard let id = UniqueID(try readText("/proc/sys/kernel/random/boot_id", limit: 64).prefix(36)) else {
    throw .invalidArgument
  }
  return id
}

/// When `process` started, in clock ticks since boot (proc_pid_stat(5), field 22); nil where there is none.
///
/// With the number it tells a process from a later one that got the same number.
func startTime(of process: Int32) throws(Errno) -> UInt64? {
  do throws(Errno) {
    let text = try readText(FilePath("/proc/\(process)/stat"), limit: 4096)
    // The name, field 2, may hold spaces and brackets: what follows its last one counts.
    let fields = text[(text.lastIndex(of: ")") ?? text.startIndex)...].split(separator: " ")
    return fields.count > 20 ? UInt64(fields[20]) : nil
  } catch .noSuchFileOrDirectory, .noSuchProcess {
    return nil
  }
}

/// What the kernel says of a process (proc_pid_stat(5), field 3): `R`, `S`, `D`, `T`, `Z`; nil where there is none.
func processState(of process: Int32) -> Character? {
  guard let text = try? readText(FilePath("/proc/\(process)/stat"), limit: 4096) else { return nil }
  return text[(text.lastIndex(of: ")") ?? text.startIndex)...].dropFirst(2).first
}

/// What `process` and its threads have open: the paths to which their descriptors lead, without asking a device.
///
/// Of one that was killed, what it still holds: its threads stay while they wait for a device in the kernel.
func pathsHeld(by process: Int32) -> [String] {
  var paths: Set<String> = []
  for thread in (try? directoryNames(FilePath("/proc/\(process)/task"))) ?? [] {
    let directory = "/proc/\(process)/task/\(thread)/fd"
    for number in (try? directoryNames(FilePath(directory))) ?? [] {
      if let path = try? linkTarget(FilePath("\(directory)/\(number)")) { paths.insert(path.string) }
    }
  }
  return paths.sorted()
}

/// The time of day, in nanoseconds since the epoch.
func nanosecondsSinceEpoch() -> Int64 {
  var now = timespec()
  // Cannot fail for this clock and this memory.
  unsafe clock_gettime(CLOCK_REALTIME, &now)
  return Int64(now.tv_sec) * 1_000_000_000 + Int64(now.tv_nsec)
}

/// The time of day, in whole seconds since the epoch.
func secondsSinceEpoch() -> Int64 {
  var now = timespec()
  // Cannot fail for this clock and this memory.
  unsafe clock_gettime(CLOCK_REALTIME, &now)
  return Int64(now.tv_sec)
}
