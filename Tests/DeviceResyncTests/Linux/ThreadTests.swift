import CLinux
import Synchronization
import SystemPackage
import Testing

@testable import DeviceResync

@Suite("threads and latches")
struct ThreadTests {
  @Test("letting go of a thread waits for its body, which ran once, elsewhere")
  func joins() throws {
    let runs = Counter()
    let seen = ThreadNames()
    do {
      let thread = try IOThread {
        pause(milliseconds: 20)
        seen.add(cl_thread_id())
        runs.add()
      }
      _ = consume thread
    }
    #expect(runs.value == 1)
    #expect(seen.all.count == 1 && !seen.all.contains(cl_thread_id()))
  }

  @Test("a latch is closed until it is opened, then open for everybody and for good")
  func latch() throws {
    let latch = SharedLatch(try Latch())
    #expect(!latch.wait(milliseconds: 0))
    #expect(!latch.wait(milliseconds: 10))
    let passed = Counter()
    do {
      let waiters = try (0..<4).map { _ in
        Box(try IOThread { if latch.wait(milliseconds: 10_000) { passed.add() } })
      }
      // Optimized, an array that nobody reads goes before, and waits for its threads.
      withExtendedLifetime(waiters) { latch.open() }
    }
    #expect(passed.value == 4)
    #expect(latch.wait(milliseconds: 0))
  }

  @Test("a result is handed over once")
  func resultBox() {
    let box = ResultBox()
    #expect(box.take() == nil)
    box.put(RunResult(nil, .failed, "x", []))
    #expect(box.take()?.message == "x")
    #expect(box.take() == nil)
  }

  @Test("memory for a direct read is zero, aligned and copied out")
  func buffer() throws {
    let directory = try TemporaryDirectory()
    let file = try OwnedDescriptor(opening: try directory.write("a", "xyz"), .readOnly)
    var buffer = AlignedBuffer(byteCount: 4096)
    #expect(buffer.prefix(4096) == [UInt8](repeating: 0, count: 4096))
    #expect(try buffer.fill(from: file, at: 1) == 2)
    #expect(buffer.prefix(3) == [0x79, 0x7a, 0])
  }

  @Test(
    "spans are compared and tested for zero to the last byte",
    arguments: [0, 1, 7, 8, 63, 64, 4095, 4096, 4097])
  func spans(_ count: Int) {
    func isZero(_ bytes: [UInt8]) -> Bool { bytes.span.bytes.isZero }
    func same(_ one: [UInt8], _ other: [UInt8]) -> Bool {
      one.span.bytes.holdsSameBytes(as: other.span.bytes)
    }
    let zero = [UInt8](repeating: 0, count: count)
    #expect(isZero(zero))
    #expect(same(zero, zero))
    for place in Set([0, count / 2, count - 1]) where place >= 0 && place < count {
      var changed = zero
      changed[place] = 0x80
      #expect(!isZero(changed))
      #expect(!same(changed, zero))
    }
    #expect(!same(zero, zero + [0]))
  }
}

/// Counts from several threads.
final class Counter: Sendable {
  private let count = Atomic<Int>(0)
  var value: Int { count.load(ordering: .acquiring) }
  func add() { count.add(1, ordering: .acquiringAndReleasing) }
}

/// Holds a thread where an array must.
final class Box: Sendable {
  private let thread: Guarded<IOThread?>
  init(_ thread: consuming IOThread) { self.thread = Guarded(thread) }
}

/// Which threads were there.
final class ThreadNames: Sendable {
  private let ids = Guarded<Set<CInt>>([])
  var all: Set<CInt> { ids.withLock { $0 } }
  func add(_ id: CInt) { ids.withLock { _ = $0.insert(id) } }
}
