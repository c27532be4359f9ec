import FoundationEssentials
import SystemPackage
import Testing

@testable import DeviceResync

@Suite("what worker and monitor tell each other")
struct WireTests {
  /// The same value always gives the same text.
  private func canonical(_ value: some Encodable) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    return String(decoding: try encoder.encode(value), as: UTF8.self)
  }

  @Test("every message is one line, and comes back as it was")
  func messages() throws {
    for message in Messages.all {
      let line = Wire.line(message)
      #expect(line.filter { $0 == UInt8(ascii: "\n") }.count == 1 && line.last == UInt8(ascii: "\n"))
      let back: WorkerMessage = try Wire.value(of: Array(line.dropLast()))
      #expect(try canonical(back) == canonical(message))
    }
  }

  @Test("so does every request and order")
  func requests() throws {
    var run = RunRequest.resync
    run.declaredRaw = [.recovery]
    run.maxDifference = .percent(12.5, from: 7)
    run.windowLength = .max
    run.writeBack = .staged
    run.verifies = true
    let requests: [WorkerRequest] = [
      .resynchronize(run), .resynchronize(.compare),
      .repair(RepairRequest(["/a b", "\u{0}"], stateDirectory: "/s")),
      .devices(DevicesRequest(["/dev/a"], stateDirectory: "/s", json: true, width: 80)),
    ]
    for request in requests {
      let back: WorkerRequest = try Wire.value(of: Array(Wire.line(request).dropLast()))
      #expect(try canonical(back) == canonical(request))
    }
    let orders: [WorkerOrder] = [
      .begin, .terminate(atOnce: false, dropping: true), .terminate(atOnce: true, dropping: false), .runOut,
      .answer(true), .answer(false),
    ]
    for order in orders {
      #expect(try Wire.value(of: Array(Wire.line(order).dropLast())) == order)
    }
  }

  @Test("a result is told whole: text, JSON, map and exit status are made from it as in the worker")
  func result() throws {
    let result = Messages.result
    let wire: RunResult.Wire = try Wire.value(of: Array(Wire.line(RunResult.Wire(result)).dropLast()))
    let back = try wire.result()
    #expect(back.text == result.text)
    #expect(back.json == result.json)
    #expect(back.map(width: 80) == result.map(width: 80))
    #expect(!back.map(width: 80).isEmpty)
    #expect(back.exitStatus == result.exitStatus)
    // A property that a result gets and the line does not would be lost without a word. What a job is the monitor adds.
    let ofMonitor: Set = ["job", "jobRecord", "startTime"]
    #expect(
      Set(Mirror(reflecting: result).children.compactMap(\.label)).subtracting(ofMonitor)
        == Set(Mirror(reflecting: wire).children.compactMap(\.label)))
  }

  @Test("lines are found however they arrive")
  func pieces() throws {
    let text = Array("one\n\ntwo\nthree".utf8)
    for size in 1...text.count {
      var lines = LineBuffer()
      var found: [String] = []
      for start in stride(from: 0, to: text.count, by: size) {
        lines.append(Array(text[start..<min(text.count, start + size)]))
        while let line = try lines.next() { found.append(String(decoding: line, as: UTF8.self)) }
      }
      #expect(found == ["one", "", "two"], "in pieces of \(size)")
      #expect(lines.isInsideLine)
    }
    var lines = LineBuffer(longest: 10)
    lines.append([UInt8](repeating: 65, count: 11))
    #expect(throws: WireFault.tooLong) { try lines.next() }
  }

  @Test(
    "what is no message is refused",
    arguments: [
      "", "{", "null", "[]", "{}", "\"plan\"", "{\"event\":{}}",
      "{\"event\":{\"_0\":{\"phase\":{\"_0\":\"dreaming\",\"pair\":0}}}}",
      "{\"result\":{\"_0\":{}}}", "\u{0}", String(repeating: "[", count: 100_000), "{\"begin\":{}}",
    ])
  func nonsense(_ line: String) {
    #expect(throws: WireFault.self) { let _: WorkerMessage = try Wire.value(of: Array(line.utf8)) }
  }

  @Test("numbers that no run comes to are refused")
  func impossible() throws {
    func refused(_ change: (inout RunProgress) -> Void, sourceLocation: SourceLocation = #_sourceLocation) {
      var progress = Messages.progress
      change(&progress)
      #expect(throws: WireFault.garbled, sourceLocation: sourceLocation) {
        let _: RunProgress = try Wire.value(of: Array(Wire.line(progress).dropLast()))
      }
    }
    refused { $0.pair = -1 }
    refused { $0.pair = 2 }
    refused { $0.callDone = $0.callTotal + 1 }
    refused { $0.pairDone = $0.pairTotal + 1 }
    refused { $0.seconds = -1 }
    refused { $0.secondsWaiting = 1e300 }
    for range in ["{\"offset\":18446744073709551615,\"length\":2}", "{\"offset\":-1,\"length\":2}"] {
      #expect(throws: WireFault.garbled) { let _: ByteRange = try Wire.value(of: Array(range.utf8)) }
    }
    for map in [
      "{\"bucketSize\":0,\"count\":1,\"cells\":[]}", "{\"bucketSize\":4096,\"count\":1,\"cells\":[0]}",
      "{\"bucketSize\":4096,\"count\":1,\"cells\":[1,1]}",
      "{\"bucketSize\":4096,\"count\":1,\"cells\":[0,4097]}",
      "{\"bucketSize\":4096,\"count\":5000,\"cells\":[]}",
      "{\"bucketSize\":18446744073709551615,\"count\":2,\"cells\":[]}",
    ] {
      #expect(throws: WireFault.garbled) { let _: DifferenceMap = try Wire.value(of: Array(map.utf8)) }
    }
    var result = Messages.result
    result.pairs[0].totals.seconds = -1
    #expect(throws: WireFault.nonsense) { try RunResult.Wire(result).result() }
    result = Messages.result
    result.pairs[0].landmarks = [Landmark(range: ByteRange(offset: 0, length: 2 << 20), title: "")]
    #expect(throws: WireFault.nonsense) { try RunResult.Wire(result).result() }
  }

  @Test("damaged lines never crash what reads and shows them")
  func damaged() {
    let lines = Messages.all.map { Wire.line($0) }
    forSeeds { seed in
      var random = SplitMix64(seed: seed)
      for line in lines {
        var line = line
        for _ in 0..<Int.random(in: 1...3, using: &random) { damage(&line, &random) }
        show(line)
      }
    }
  }

  private func damage(_ line: inout [UInt8], _ random: inout SplitMix64) {
    guard !line.isEmpty else { return }
    let place = Int.random(in: 0..<line.count, using: &random)
    switch Int.random(in: 0..<5, using: &random) {
    case 0: line[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
    case 1: line.removeSubrange(place...)
    case 2: line.remove(at: place)
    case 3: line.insert(UInt8.random(in: 32..<127, using: &random), at: place)
    default:
      // A number becomes one at the edge.
      guard let start = line[place...].firstIndex(where: { (48...57).contains($0) }) else { return }
      let end = line[start...].firstIndex { !(48...57).contains($0) } ?? line.count
      let edges = ["0", "18446744073709551615", "9223372036854775807", "-1", "4294967295", "1e308", "0.5"]
      line.replaceSubrange(start..<end, with: Array(edges.randomElement(using: &random)?.utf8 ?? "0".utf8))
    }
  }

  /// All that a monitor makes of a line.
  private func show(_ line: [UInt8]) {
    guard let message: WorkerMessage = try? Wire.value(of: line) else { return }
    var view = RunView(.resynchronize(.resync))
    switch message {
    case .event(let event):
      _ = view.take(event)
      _ = ProgressLine(event)?.text
      if case .progress(let progress) = event { _ = progress.percent }
      if case .error(let error, _) = event { _ = error.description }
    case .plan(let plan):
      view.take(plan)
      _ = (plan.described.json, plan.declined.text)
    case .devices: break
    case .result(let wire):
      guard let result = try? wire.result() else { return }
      _ = (result.text, result.json, result.map(width: 80), result.exitStatus)
    }
    let end = WorkerEnd(process: 1, state: "D", isGone: false, held: ["/dev/a"])
    _ = (view.bytesLeft, view.stalled(for: 1, end).json, view.died("ended", process: 1).text)
  }
}
