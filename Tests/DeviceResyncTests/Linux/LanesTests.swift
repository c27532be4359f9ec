import SystemPackage
import Testing

@testable import DeviceResync

@Suite("elements that are worked on side by side") struct LanesTests {
  /// What was under way at one time.
  private struct Seen: Sendable {
    var underWay: Set<Int> = []
    var most = 0
    var order: [Int] = []
    var sharedLane = false
    /// Of this test: other tests have theirs at the same time.
    var strands: [Strand] = []
  }

  @Test(
    "each once, at most so many at a time, and those of a lane one after the other", arguments: [1, 2, 3, 16])
  func lanes(most: Int) throws {
    let seen = Guarded(Seen())
    let box = SharedSeen(seen)
    let lanes = [[0, 3], [1], [2, 4, 5]]
    var elements = [Int](repeating: 0, count: 6)
    try sideBySide(&elements, lanes: lanes, most: most) { index, element in
      box.seen.withLock { seen in
        let lane = lanes.first { $0.contains(index) } ?? []
        seen.sharedLane = seen.sharedLane || !seen.underWay.isDisjoint(with: lane)
        seen.underWay.insert(index)
        seen.most = max(seen.most, seen.underWay.count)
        seen.order.append(index)
        if let strand = Strand.current { seen.strands.append(strand) }
      }
      // As many as there are lanes and leave are under way at one time.
      _ = eventuallyTrue { box.seen.withLock { $0.most } == min(most, lanes.count) }
      element += index + 1
      #expect(Strand.current?.pair == (most == 1 ? nil : index))
      _ = box.seen.withLock { $0.underWay.remove(index) }
    }
    let result = box.seen.withLock { $0 }
    #expect(elements == [1, 2, 3, 4, 5, 6])
    #expect(!result.sharedLane)
    #expect(result.most == min(most, 3))
    #expect(result.order.sorted() == [0, 1, 2, 3, 4, 5])
    if most == 1 { #expect(result.order == [0, 1, 2, 3, 4, 5]) }
    #expect(result.strands.count == (most == 1 ? 0 : 6))
    let running = Strand.running
    #expect(
      Strand.current == nil && !result.strands.contains { strand in running.contains { $0 === strand } })
  }

  private final class SharedSeen: Sendable {
    let seen: Guarded<Seen>
    init(_ seen: consuming Guarded<Seen>) { self.seen = seen }
  }

  @Test("who waits for its turn is not judged, and has moved when it has it")
  func turn() throws {
    let turns = Turns()
    let (isWaiting, count) = (Tally(), Tally())
    let second = SharedStrand()
    var elements = [0, 0]
    try sideBySide(&elements, lanes: [[0], [1]], most: 2) { index, _ in
      if index == 0 {
        turns.turn.take()
        isWaiting.add()
        let other = eventuallyTrue { second.strand?.isJudged == false }
        #expect(other)
        #expect(Strand.current?.isJudged == true)
        turns.turn.giveBack()
      } else {
        _ = eventuallyTrue { isWaiting.value == 1 }
        second.strand = Strand.current
        let before = Strand.current?.movements
        turns.turn.during { count.add() }
        #expect(Strand.current?.movements == (before ?? 0) + 1)
        #expect(Strand.current?.isJudged == true)
      }
    }
    #expect(count.value == 1)
  }

  private final class Turns: Sendable { let turn = Turn() }

  @Test("a strand's calls and requests are its own, and move nobody else")
  func activities() throws {
    let (first, second) = (Tally(), Tally())
    let flushing = SharedStrand()
    var elements = [0, 0]
    try sideBySide(&elements, lanes: [[0], [1]], most: 2) { index, _ in
      guard index == 0 else {
        _ = eventuallyTrue { first.value == 1 }
        let others = flushing.strand
        #expect(others.map { UnderWay.attempts(of: $0) } == [Activity("flush", on: "a")])
        let before = others?.movements
        UnderWay.during(Activity("open", on: "b")) {}
        #expect(others?.movements == before)
        #expect(Strand.current?.movements == 2)
        second.add()
        return
      }
      flushing.strand = Strand.current
      UnderWay.during(Activity("flush", on: "a")) {
        first.add()
        _ = eventuallyTrue { second.value == 1 }
      }
    }
  }
}

/// The strand of one element, for the others of the same test.
private final class SharedStrand: Sendable {
  private let known = Guarded<Strand?>(nil)
  var strand: Strand? {
    get { known.withLock { $0 } }
    set { known.withLock { $0 = newValue } }
  }
}

/// A number that threads add to.
private final class Tally: Sendable {
  private let count = Guarded(0)
  func add() { count.withLock { $0 += 1 } }
  var value: Int { count.withLock { $0 } }
}

/// Whether `condition` holds within ten seconds.
private func eventuallyTrue(_ condition: () -> Bool) -> Bool {
  for _ in 0..<10_000 {
    if condition() { return true }
    pause(milliseconds: 1)
  }
  return condition()
}
