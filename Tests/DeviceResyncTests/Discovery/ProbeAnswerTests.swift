import CProbe
import Foundation
import Testing

@testable import DeviceResync

@Suite("the prober's answers are read as hostile input")
struct ProbeAnswerTests {
  /// An answer with one signature and one partition, field by field as CProbe.h has them.
  private func sample(
    outcome: UInt8 = 0, landlock: UInt8 = 1, signatures: UInt16 = 1, partitions: UInt16 = 1,
    hasTable: UInt8 = 1,
    label: (length: UInt16, text: String) = (5, "lab\u{1b}l"), start: UInt64 = 1 << 20, extended: UInt8 = 0
  ) -> [UInt8] {
    var bytes = number(UInt32(probe_magic)) + number(UInt32(7)) + [outcome, landlock] + number(UInt32(0))
    bytes += number(UInt64(1 << 30)) + number(UInt32(512)) + number(UInt32(4096)) + number(UInt32(4096))
    bytes += number(UInt32(0)) + number(UInt32(0))
    bytes += number(signatures) + number(partitions) + number(UInt32(3)) + [hasTable]
    bytes += text(hasTable == 0 ? "" : "gpt", 32) + text(hasTable == 0 ? "" : "table-id", 64)
    bytes += text("start", 4096) + text("end", 512)
    if signatures > 0 {
      bytes += text("ext4", 32) + text("filesystem", 16) + text("uuid", 64)
      bytes += number(label.length) + padded(label.text, 512)
      bytes += text("1.0", 32) + number(UInt64(1080))
    }
    if partitions > 0 {
      bytes += number(UInt32(1)) + number(start) + number(UInt64(1 << 20)) + number(UInt64(4)) + [extended]
      bytes += text("type", 40) + text("name", 128) + text("", 40)
    }
    return bytes
  }

  private func number<Value: FixedWidthInteger>(_ value: Value) -> [UInt8] {
    (0..<Value.bitWidth / 8).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
  }

  private func padded(_ text: String, _ capacity: Int) -> [UInt8] {
    Array(text.utf8) + [UInt8](repeating: 0, count: capacity - text.utf8.count)
  }

  private func text(_ text: String, _ capacity: Int) -> [UInt8] {
    number(UInt16(text.utf8.count)) + padded(text, capacity)
  }

  @Test("a whole answer")
  func whole() throws {
    let bytes = sample()
    #expect(bytes.count == probe_head_size + probe_signature_size + probe_partition_size)
    let answer = try ProbeAnswer(decoding: bytes)
    #expect(answer.id == 7)
    #expect(answer.size == 1 << 30)
    #expect(answer.hadLandlock)
    #expect(answer.content.signatures.map(\.label) == ["lab\u{1b}l"])
    #expect(answer.content.topology?.physicalBlockSize == 4096)
    #expect(
      answer.content.partitionTable
        == PartitionTable(
          type: "gpt", id: "table-id",
          entries: [
            PartitionEntry(
              number: 1, start: 1 << 20, size: 1 << 20, type: "type", name: "name", uuid: nil, flags: 4,
              isExtended: false)
          ], entriesLeftOut: 3))
  }

  @Test("a length that is not the counts' is refused: every shorter one, and longer ones")
  func lengths() {
    let bytes = sample()
    for count in 0..<bytes.count {
      #expect(throws: RecordReader.Refusal.self) { try ProbeAnswer(decoding: Array(bytes.prefix(count))) }
    }
    for extra in [1, 100, 40_000] {
      #expect(throws: RecordReader.Refusal.length) {
        try ProbeAnswer(decoding: bytes + [UInt8](repeating: 0, count: extra))
      }
    }
  }

  @Test("a field that holds what it never holds is refused by its name")
  func fields() {
    let cases: [(bytes: [UInt8], field: String)] = [
      (sample(outcome: 8), "outcome"),
      (sample(outcome: 6), "outcome"),  // found something, and was killed
      (sample(landlock: 2), "Landlock"),
      (sample(signatures: 17), "signatures"),
      (sample(partitions: 129), "partitions"),
      (sample(hasTable: 0), "table"),
      (sample(label: (513, "l")), "label"),
      (sample(label: (2, "long")), "label"),
      (sample(label: (3, "a\0b")), "label"),
      (sample(start: .max - 1000), "partition's range"),
      (sample(extended: 7), "extended"),
      ([0] + sample().dropFirst(), "magic"),
    ]
    for (bytes, field) in cases {
      #expect(throws: RecordReader.Refusal.field(field)) { try ProbeAnswer(decoding: bytes) }
    }
  }

  @Test("no flipped bit and no garbage makes it trap", arguments: [20_260_101])
  func mutations(seed: UInt64) {
    let bytes = sample()
    var refused = 0
    for place in bytes.indices {
      var flipped = bytes
      flipped[place] ^= 1 << (place % 8)
      if (try? ProbeAnswer(decoding: flipped)) == nil { refused += 1 }
    }
    // Most bytes are room behind a text, which must be zero; the rest are numbers and texts.
    #expect(refused > bytes.count * 9 / 10)
    var generator = SeededGenerator(state: seed)
    for _ in 0..<2_000 {
      var garbage = bytes
      for _ in 0..<Int.random(in: 1...8, using: &generator) {
        let place = Int.random(in: 0..<garbage.count, using: &generator)
        garbage[place] = UInt8.random(in: 0...255, using: &generator)
      }
      garbage = Array(garbage.prefix(Int.random(in: 0...garbage.count, using: &generator) | 1 << 12))
      // What it says does not matter, only that it says something.
      _ = try? ProbeAnswer(decoding: garbage)
    }
  }

  @Test("content survives JSON, with the keys of the result")
  func json() throws {
    var content = try ProbeAnswer(decoding: sample()).content
    content.partitionTable?.entries[0].content = .unknown("why")
    content.container = .vhd
    let encoded = try JSONEncoder().encode(content)
    #expect(try JSONDecoder().decode(ProbedContent.self, from: encoded) == content)
    let object = try #require(try JSONSerialization.jsonObject(with: encoded) as? [String: Any])
    #expect(
      Set(object.keys) == ["Outcome", "Signatures", "PartitionTable", "Container", "Topology"])
    #expect(object["Outcome"] as? String == "Probed")
    #expect(object["Container"] as? String == "VHD")
  }
}

/// Knuth's MMIX generator: the same numbers for the same seed.
private struct SeededGenerator: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return state ^ state >> 29
  }
}
