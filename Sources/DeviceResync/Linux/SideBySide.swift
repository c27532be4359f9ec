import SystemPackage

/// Works on every one of `elements`, several at once, each as a ``Strand``; returns when all is done.
///
/// Elements must share nothing that two threads may not touch: each is touched by one thread at a time, and by this
/// one again when it returns. Where only one is worked on at a time that is on the calling thread, without a strand.
///
/// - Parameters:
///   - lanes: the elements' numbers, each once; those of one lane are worked on one after the other.
///   - most: how many at once.
/// - Throws: `EAGAIN` where threads cannot be had; some elements were not worked on then.
func sideBySide<Element>(
  _ elements: inout [Element], lanes: [[Int]], most: Int,
  _ body: @escaping @Sendable (Int, inout Element) -> Void
) throws(Errno) {
  guard most > 1, lanes.count > 1 else {
    for index in lanes.joined().sorted() { body(index, &elements[index]) }
    return
  }
  precondition(lanes.joined().allSatisfy(elements.indices.contains))
  let waiting = LaneLine(lanes)
  let failure = unsafe elements.withUnsafeMutableBufferPointer { buffer -> Errno? in
    // A number, since a pointer must not be shared; it holds until the threads are waited for below.
    let base = UInt(bitPattern: buffer.baseAddress)
    var threads: [LaneThread] = []
    var failure: Errno?
    for _ in 0..<min(most, lanes.count) where failure == nil {
      do throws(Errno) {
        threads.append(
          try LaneThread {
            while let lane = waiting.next() {
              for index in lane {
                guard let start = unsafe UnsafeMutablePointer<Element>(bitPattern: base) else { continue }
                // Inside the buffer by the precondition; no other lane has this index.
                let element = unsafe start + index
                Strand.run(pair: index) { unsafe body(index, &element.pointee) }
              }
            }
          })
      } catch {
        failure = error
        waiting.close()
      }
    }
    _ = consume threads  // Waits for them.
    return failure
  }
  if let failure { throw failure }
}

/// Lanes that nobody has begun.
private final class LaneLine: Sendable {
  private let lanes: Guarded<ArraySlice<[Int]>>
  init(_ lanes: [[Int]]) { self.lanes = Guarded(lanes[...]) }
  func next() -> [Int]? { lanes.withLock { $0.popFirst() } }
  func close() { lanes.withLock { $0 = [] } }
}

/// A thread of an array, which holds no noncopyable value; letting go of it waits for its end.
private final class LaneThread {
  private let thread: IOThread
  init(_ run: @escaping @Sendable () -> Void) throws(Errno) { thread = try IOThread(run) }
}
