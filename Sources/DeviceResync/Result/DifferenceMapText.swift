extension RunResult {
  /// Where on each pair's disk the differences lie: a line of blocks scaled to `width` columns, with partitions
  /// and file systems named under it.
  public func map(width: Int) -> String {
    pairs.compactMap { $0.mapLines(width: width) }.map { $0.joined(separator: "\n") + "\n" }.joined()
  }
}

extension PairResult {
  /// Heights for the share of a column's bytes that differ, each twice the one before: the smallest difference is
  /// still seen, and 2 % look other than 20 %.
  private static let steps: [(least: Double, bar: Character)] = [
    (0.5, "█"), (0.25, "▇"), (0.125, "▆"), (0.0625, "▅"), (0.03, "▄"), (0.015, "▃"), (0.005, "▂"), (0, "▁"),
  ]

  fileprivate func mapLines(width: Int) -> [String]? {
    guard let map, recovery.size > 0, !map.buckets.isEmpty else { return nil }
    let columns = max(10, min(width - 4, map.buckets.count))
    let size = primary.size
    let bars = (0..<columns).map { column -> Character in
      let share = map.share(of: column, among: columns, size: size)
      guard share > 0 else { return "·" }
      return Self.steps.first { share >= $0.least }?.bar ?? "▁"
    }
    var lines = [
      "\(PrintableText(recovery.path)): where it differs (· nowhere, ▁ below 0.5 %, █ half or more)",
      "  |\(String(bars))|",
    ]
    for landmark in landmarks {
      let first = min(columns - 1, Int(Double(landmark.range.offset) / Double(size) * Double(columns)))
      let last = min(
        columns - 1, max(first, Int(Double(landmark.range.end) / Double(size) * Double(columns)) - 1))
      let differing = map.bytes(in: landmark.range)
      let span = last == first ? "^" : "└" + String(repeating: "─", count: last - first - 1) + "┘"
      lines.append("   " + String(repeating: " ", count: first) + span)
      lines.append(
        "   \(landmark.title): \(percentage(differing, of: landmark.range.length)) of \(ByteCount(landmark.range.length)) differ"
      )
    }
    return lines
  }
}

extension DifferenceMap {
  /// Which part of column `column` of `columns` differs, from 0 to 1.
  fileprivate func share(of column: Int, among columns: Int, size: UInt64) -> Double {
    let first = column * buckets.count / columns
    let last = max(first + 1, (column + 1) * buckets.count / columns)
    let differing = buckets[first..<min(last, buckets.count)].reduce(0, +)
    let start = UInt64(first) * bucketSize
    let end = min(size, UInt64(last) * bucketSize)
    return end > start ? min(1, Double(differing) / Double(end - start)) : 0
  }

  /// Differing bytes in `range`, to a bucket.
  fileprivate func bytes(in range: ByteRange) -> UInt64 {
    guard range.length > 0 else { return 0 }
    let first = Int(range.offset / bucketSize)
    let last = min(buckets.count - 1, Int((range.end - 1) / bucketSize))
    guard first <= last else { return 0 }
    return min(range.length, buckets[first...last].reduce(0, +))
  }
}
