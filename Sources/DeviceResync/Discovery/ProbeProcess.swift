import CProbe
import SystemPackage

/// A probing helper that runs, and the socket to it; letting go of it ends it and its children.
struct ProbeProcess: ~Copyable {
  /// Why a helper is given up.
  enum Failure: Error {
    case ended, silent, garbage

    var reason: String {
      switch self {
      case .ended: "the probing helper ended"
      case .silent: "the probing helper did not answer"
      case .garbage: "the probing helper answered nonsense"
      }
    }
  }

  let id: CInt
  private let socket: CInt

  init(_ executable: FilePath) throws(Errno) {
    var id: CInt = 0
    let result = unsafe executable.withPlatformString { path in unsafe probe_helper_spawn(path, &id) }
    socket = try check(result)
    self.id = id
  }

  deinit {
    // How it ended matters to nobody: its answers came or did not.
    _ = probe_helper_end(socket, id)
  }

  func send(_ request: probe_request, _ descriptor: borrowing OwnedDescriptor) throws(Errno) {
    var request = request
    try check(unsafe probe_send(socket, &request, descriptor.rawValue))
  }

  /// The next answer, undecoded.
  func receive(withinMilliseconds deadline: UInt32) throws(Failure) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: probe_answer_capacity)
    let length = unsafe bytes.withUnsafeMutableBytes { buffer in
      unsafe probe_receive(socket, buffer.baseAddress, buffer.count, deadline)
    }
    switch length {
    case 1...: return Array(bytes.prefix(Int(length)))
    case -Int64(Errno.timedOut.rawValue): throw .silent
    case -Int64(Errno.messageTooLong.rawValue): throw .garbage
    default: throw .ended
    }
  }
}
