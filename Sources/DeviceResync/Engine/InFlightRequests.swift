import SystemPackage

/// The requests that the kernel has, each under a small number: nothing is allocated after `init`.
struct InFlightRequests: ~Copyable {
  private var requests: [BlockRequest?]
  private var free: [Int]
  /// Writes and punches among them.
  private(set) var writes = 0

  private let board: InFlightBoard

  /// Makes room for `capacity` requests to two files, which stay open as long as this.
  init(capacity: Int, files: (primary: CInt, recovery: CInt)) {
    board = InFlightBoard(files: files)
    board.show()
    requests = [BlockRequest?](repeating: nil, count: capacity)
    free = Array((0..<capacity).reversed())
  }

  deinit { board.hide() }

  var isEmpty: Bool { free.count == requests.count }

  /// Notes `request`, and returns the number under which its completion will come.
  ///
  /// - Throws: `EAGAIN` when there is no room.
  mutating func add(_ request: BlockRequest) throws(Errno) -> UInt64 {
    guard let index = free.popLast() else { throw .resourceTemporarilyUnavailable }
    requests[index] = request
    if request.changesBytes { writes += 1 }
    board.add(request, at: index)
    return UInt64(index)
  }

  /// Takes out the request that `tag` was given to.
  mutating func remove(_ tag: UInt64) -> BlockRequest {
    let index = Int(tag)
    guard let request = requests[index] else { preconditionFailure("a completion without a request") }
    requests[index] = nil
    board.remove(index)
    free.append(index)
    if request.changesBytes { writes -= 1 }
    return request
  }
}
