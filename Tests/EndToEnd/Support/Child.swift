import CLinux
import Glibc
import Synchronization
import SystemPackage
import Testing

@testable import DeviceResync

/// A child process: no terminal, output to files without a name; killed when it is let go.
struct Child: ~Copyable {
  let id: pid_t
  private let output: OwnedDescriptor
  private let error: OwnedDescriptor
  /// The child's standard input ends when this closes.
  private let input: InputEnd

  /// Starts `arguments`, looked up on PATH.
  ///
  /// - Parameter environment: added to ours.
  init(_ arguments: [String], environment: [String: String] = [:]) throws {
    let output = try unnamedFile()
    let error = try unnamedFile()
    // A socket, because Swift sees no call that makes a pipe close-on-exec at once (SOCK_CLOEXEC).
    var ends: [CInt] = [0, 0]
    let kind = CInt(SOCK_STREAM.rawValue) | 0o2000000
    guard socketpair(AF_UNIX, kind, 0, &ends) == 0 else { throw Errno(rawValue: errno) }
    let reading = OwnedDescriptor(adopting: ends[0])
    let input = InputEnd(OwnedDescriptor(adopting: ends[1]))

    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_adddup2(&actions, reading.rawValue, 0)
    posix_spawn_file_actions_adddup2(&actions, output.rawValue, 1)
    posix_spawn_file_actions_adddup2(&actions, error.rawValue, 2)

    // Threads of the pool that runs tests have signals blocked, and a child would inherit that.
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var none = sigset_t()
    sigemptyset(&none)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))

    // Ends with the thread that started it, so that nothing outlives a test that dies.
    let words = ["setpriv", "--pdeathsig", "KILL", "--"] + arguments
    var variables = ["PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C", "HOME=/root"]
    for name in ["TMPDIR", "LD_LIBRARY_PATH"] {
      if let value = getenv(name) { variables.append("\(name)=\(String(cString: value))") }
    }
    variables += environment.map { "\($0)=\($1)" }
    let argv = words.map { strdup($0) } + [nil]
    let envp = variables.map { strdup($0) } + [nil]
    defer { for text in argv + envp { free(text) } }
    var id: pid_t = 0
    let failure = posix_spawnp(&id, words[0], &actions, &attributes, argv, envp)
    if failure != 0 { throw Errno(rawValue: failure) }
    self.id = id
    self.output = output
    self.error = error
    self.input = input
  }

  deinit {
    kill(id, SIGCONT)
    kill(id, SIGKILL)
    var status: CInt = 0
    waitpid(id, &status, 0)
  }

  /// Ends its standard input, which is what it waits for.
  func endInput() { input.close() }

  /// Writes to its standard input.
  func say(_ text: String) throws { try input.write(text) }

  func signal(_ number: CInt) { kill(id, number) }

  /// What it has written to standard output so far.
  func said() throws -> String { String(decoding: try output.read(1 << 24, at: 0), as: UTF8.self) }

  /// What it has written to standard error so far.
  func complained() throws -> String { String(decoding: try error.read(1 << 24, at: 0), as: UTF8.self) }

  /// Waits until it has written `text` to standard output.
  func waitUntilItSays(_ text: String, within seconds: Double = 20) throws {
    let came = try eventually(within: seconds) { try said().contains(text) }
    let (output, error) = (try said(), try complained())
    try #require(came, "no \"\(text)\"; it said \(output), \(error)")
  }

  /// Whether it has ended; it stays to be waited for.
  var hasEnded: Bool {
    var state = siginfo_t()
    return waitid(P_PID, id_t(id), &state, WEXITED | WNOHANG | WNOWAIT) == 0
      && state._sifields._sigchld.si_pid == id
  }

  /// Waits for its end.
  consuming func wait(within seconds: Double = 60) throws -> Ended {
    let ended = eventually(within: seconds) { hasEnded }
    let (output, error) = (try said(), try complained())
    try #require(ended, "it has not ended in \(seconds) s; it said \(output), \(error)")
    var state = siginfo_t()
    waitid(P_PID, id_t(id), &state, WEXITED | WNOWAIT)
    // 1 is CLD_EXITED (<asm-generic/siginfo.h>); else the number is the signal's.
    let number = state._sifields._sigchld.si_status
    return Ended(
      status: state.si_code == 1 ? number : nil, signal: state.si_code == 1 ? nil : number, output: output,
      error: error)
  }
}

/// The writing end of a child's standard input.
private final class InputEnd: Sendable {
  private let descriptor: Mutex<OwnedDescriptor?>
  init(_ descriptor: consuming OwnedDescriptor) { self.descriptor = Mutex(descriptor) }
  func close() { descriptor.withLock { $0 = nil } }

  func write(_ text: String) throws {
    try descriptor.withLock { descriptor in
      switch descriptor {
      case .some(let descriptor):
        // A child that has ended fails its test, and must not end all of them (SIGPIPE).
        let bytes = Array(text.utf8)
        guard send(descriptor.rawValue, bytes, bytes.count, CInt(MSG_NOSIGNAL)) == bytes.count else {
          throw Errno.brokenPipe
        }
      case .none: throw Errno.brokenPipe
      }
    }
  }
}

/// How a child ended.
struct Ended: Sendable, CustomStringConvertible {
  /// The exit status; nil for one that a signal ended.
  let status: Int32?
  let signal: Int32?
  let output: String
  let error: String

  var description: String {
    "status \(status.map(String.init) ?? "none"), signal \(signal.map(String.init) ?? "none")\n\(output)\(error)"
  }
}

/// An empty file without a name.
private func unnamedFile() throws -> OwnedDescriptor {
  let flags = OpenFlags(rawValue: OpenFlags.readWrite.rawValue | cl_open_unnamed)
  return try OwnedDescriptor(opening: "/var/tmp", flags)
}

extension Child {
  /// A process (bash) that has `path` open, for writing too, until it is let go.
  static func holding(_ path: String, _ mode: String = "<>") throws -> Child {
    let child = try Child(["bash", "-c", "exec 3\(mode)\"$1\" && echo ready && read -r", "bash", path])
    try child.waitUntilItSays("ready")
    return child
  }

  /// A process with `device` mounted at `directory`, in a mount namespace that ends with it.
  static func mounting(_ device: String, at directory: String, _ options: [String] = []) throws -> Child {
    try tool("mkdir", "--parents", directory)
    let script = #"mount "${@:3}" "$1" "$2" && echo ready && read -r"#
    let child = try Child(
      ["unshare", "--mount", "--propagation", "private", "bash", "-c", script, "bash", device, directory]
        + options)
    try child.waitUntilItSays("ready")
    return child
  }
}

/// Runs a tool that the test needs, such as mkfs.ext4; fails the test where it fails.
@discardableResult
func tool(_ arguments: String...) throws -> String {
  let ended = try Child(arguments).wait()
  try #require(ended.status == 0, "\(arguments): \(ended)")
  return ended.output
}
