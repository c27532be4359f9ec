import CLinux
import Glibc
import SystemPackage

/// Whether this process has root's user id.
func isRoot() -> Bool { geteuid() == 0 }

/// This process's id.
func ownProcess() -> Int32 { getpid() }

/// The current working directory; `/` where it cannot be told.
func workingDirectory() -> FilePath {
  // /proc/self/cwd is the kernel's own word, without a buffer to size.
  (try? linkTarget("/proc/self/cwd")) ?? "/"
}

/// Why the kernel gives this process no io_uring; nil where it does.
func ringRefusal() -> Errno? {
  let result = cl_try_ring()
  return result < 0 ? Errno(rawValue: -result) : nil
}
