import Testing

@testable import DeviceResync

@Suite("the map of differences")
struct DifferenceMapTests {
  /// A pair of `size` bytes in which `ranges` differ.
  private func pair(_ size: UInt64, _ ranges: [ByteRange], _ landmarks: [Landmark] = []) -> PairResult {
    var pair = PairResult.compared()
    (pair.primary.size, pair.recovery.size) = (size, size)
    var map = DifferenceMap(size: size)
    for range in ranges { map.add(range) }
    pair.map = map
    pair.landmarks = landmarks
    return pair
  }

  private func lines(_ pair: PairResult, width: Int) -> [Substring] {
    RunResult(.compare, .completed, "", [pair]).map(width: width).split(separator: "\n")
  }

  @Test(
    "is one line of the terminal's width, with the differences in their places", arguments: [20, 40, 80, 200])
  func widths(_ width: Int) {
    let size: UInt64 = 1 << 30
    let bar = lines(
      pair(size, [ByteRange(offset: 0, length: 4096), ByteRange(offset: size - 4096, length: 4096)]),
      width: width)[1]
    #expect(bar.count == width, "two columns of frame on each side")
    let inner = bar.dropFirst(3).dropLast()
    #expect(inner.first == "▁" && inner.last == "▁")
    #expect(inner.dropFirst().dropLast().allSatisfy { $0 == "·" })
  }

  @Test(
    "doubles its heights from step to step",
    arguments: [
      (0, "·"), (0.001, "▁"), (0.005, "▂"), (0.015, "▃"), (0.03, "▄"), (0.0625, "▅"), (0.125, "▆"),
      (0.25, "▇"),
      (0.5, "█"), (1, "█"),
    ] as [(Double, Character)])
  func heights(_ share: Double, _ height: Character) {
    let size: UInt64 = 10 << 20
    // Ten columns of 1 MiB; the fourth differs in that share of its blocks, spread evenly.
    let blocks = Int((share * 256).rounded(.up))
    let ranges = (0..<blocks).map { ByteRange(offset: (3 << 20) + UInt64($0 * 4096), length: 4096) }
    let bar = lines(pair(size, ranges), width: 14)[1].dropFirst(3).dropLast()
    #expect(Array(bar)[3] == height)
    #expect(bar.filter { $0 != "·" }.count == (blocks > 0 ? 1 : 0))
  }

  @Test("names partitions under their places, with the share of each that differs")
  func landmarks() {
    let size: UInt64 = 10 << 20
    let found = lines(
      pair(
        size, [ByteRange(offset: 2 << 20, length: 512 << 10)],
        [
          Landmark(range: ByteRange(offset: 0, length: 2 << 20), title: "1 vfat"),
          Landmark(range: ByteRange(offset: 2 << 20, length: 8 << 20), title: "2 ext4"),
        ]), width: 14)
    #expect(
      found.dropFirst() == [
        "  |··█·······|", "   └┘", "   1 vfat: 0 % of 2 MiB differ", "     └──────┘",
        "   2 ext4: 6.3 % of 8 MiB differ",
      ])
  }

  @Test("of the smallest disk has ten columns; of no map there is no line")
  func small() {
    let found = lines(pair(512, [ByteRange(offset: 0, length: 512)]), width: 80)
    #expect(found[1] == "  |██████████|")
    var without = PairResult.compared()
    without.map = nil
    #expect(lines(without, width: 80) == [])
  }

  @Test("holds a landmark that reaches beyond the disk, and a width of nothing")
  func odd() {
    let far = Landmark(range: ByteRange(offset: 8 << 20, length: 100 << 20), title: "9")
    for width in [0, 1, 5, 14] {
      let found = lines(pair(10 << 20, [], [far]), width: width)
      #expect(found[1] == "  |··········|")
      #expect(found[3] == "   9: 0 % of 100 MiB differ")
    }
  }
}
