import Testing

@testable import DeviceResync

@Suite("which of several pairs hangs") struct PairStallsTests {
  private func pairs(_ movements: UInt64...) -> RunEvent {
    .pairs(movements.enumerated().map { PairActivity(pair: $0, movements: $1, waiting: []) })
  }

  @Test("one that does not move is found, whatever the others do")
  func hangs() {
    var stalls = PairStalls(limit: 2)
    #expect(stalls.left == 2 && stalls.quietest == nil)
    for round in 0..<7 {
      stalls.take(pairs(UInt64(round), 5))
      stalls.elapse(0.25, asked: 1)
    }
    #expect(stalls.left == 0.25)
    stalls.take(pairs(100, 5))
    stalls.elapse(0.25, asked: 1)
    #expect(stalls.left == 0 && stalls.quietest?.pair == 1 && stalls.quietest?.seconds == 2)
    stalls.take(.pairs([]))
    #expect(stalls.left == 2 && stalls.quietest == nil)
  }

  @Test("one that moves again, begins a phase, waits for another or has ended is given its time anew")
  func recovers() {
    let events: [RunEvent] = [
      pairs(1, 6), .phase(.flushing, pair: 1), .pairs([PairActivity(pair: 0, movements: 1, waiting: [])]),
      .pairs([]),
    ]
    for event in events {
      var stalls = PairStalls(limit: 2)
      stalls.take(pairs(0, 5))
      stalls.elapse(1.5, asked: 2)
      stalls.take(pairs(1, 5))
      #expect(stalls.left == 0.5)
      stalls.take(event)
      #expect(stalls.left >= 1.5, "\(event)")
    }
  }

  @Test("what the run waits for is no pair's, and a phase of another is not either")
  func others() {
    var stalls = PairStalls(limit: 2)
    stalls.take(pairs(0, 5))
    stalls.elapse(1.5, asked: 2)
    stalls.take(.waiting(for: [], pair: nil))
    stalls.take(.phase(.comparing, pair: 7))
    stalls.take(.differences(bytes: 1, pair: 1))
    #expect(stalls.left == 0.5)
    let hasMoved = stalls.look()
    #expect(!hasMoved)
  }

  @Test("the result names the pair, what it waits for and nothing of the others")
  func result() {
    var request = RunRequest.resync
    request.pairs.append(RunRequest.Pair(primary: "/dev/c", recovery: "/dev/d"))
    var view = RunView(.resynchronize(request))
    view.take(PlanReport(Plan(request, [Scene().facts, Scene().facts])))
    _ = view.take(.phase(.verifying, pair: 1))
    _ = view.take(.phase(.comparing, pair: 0))
    _ = view.take(
      .pairs([
        PairActivity(pair: 0, movements: 9, waiting: [Activity("read", on: "/dev/a")]),
        PairActivity(
          pair: 1, movements: 3,
          waiting: [Activity("read", on: "/dev/d", range: ByteRange(offset: 0, length: 512))]),
      ]))
    let result = view.stalled(pair: 1, for: 5, WorkerEnd(process: 7, state: "D", isGone: true))
    #expect(result.returnValue == .timeout)
    #expect(
      result.message.hasPrefix("nothing of pair 2 has moved for 5 s while verifying; not answered: read "),
      "\(result.message)")
    #expect(result.message.contains("/dev/d") && !result.message.contains("/dev/a"), "\(result.message)")
    #expect(result.pairs[0].errors.isEmpty && result.pairs[1].errors.count == 1)
  }
}
