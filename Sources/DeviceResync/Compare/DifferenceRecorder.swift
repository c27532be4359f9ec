/// Remembers differences for the result, in constant memory: a list with an end, a map, and a stream.
struct DifferenceRecorder: ~Copyable {
  /// Is given every merged difference in ascending order, some at a time.
  typealias Stream = (_ ranges: [ByteRange]) throws(ResyncError) -> Void

  /// The first differences, merged across chunks.
  private(set) var ranges: [ByteRange] = []
  /// How many more there were.
  private(set) var omitted: UInt64 = 0
  /// Where on the disk they lie.
  private(set) var map: DifferenceMap

  private let maxRanges: Int
  private let stream: Stream?
  private var streamed: [ByteRange] = []
  private var pending: ByteRange?

  /// Differences that are handed to the stream at once.
  static let streamBatch = 256

  /// - Parameters:
  ///   - size: of the disk, in bytes.
  ///   - maxRanges: how long the list may become.
  init(size: UInt64, maxRanges: Int, stream: Stream? = nil) {
    self.maxRanges = maxRanges
    self.stream = stream
    map = DifferenceMap(size: size)
    ranges.reserveCapacity(maxRanges)
    if stream != nil { streamed.reserveCapacity(Self.streamBatch) }
  }

  /// Notes a difference, which lies after all that came before.
  mutating func record(_ range: ByteRange) throws(ResyncError) {
    map.add(range)
    if let before = pending, before.end == range.offset {
      pending = ByteRange(before.offset, upTo: range.end)
    } else {
      try handOn()
      pending = range
    }
  }

  /// Hands on what was held back.
  mutating func finish() throws(ResyncError) {
    try handOn()
    if let stream, !streamed.isEmpty {
      try stream(streamed)
      streamed.removeAll(keepingCapacity: true)
    }
  }

  private mutating func handOn() throws(ResyncError) {
    guard let range = pending else { return }
    pending = nil
    if ranges.count < maxRanges { ranges.append(range) } else { omitted += 1 }
    guard let stream else { return }
    streamed.append(range)
    if streamed.count == Self.streamBatch {
      try stream(streamed)
      streamed.removeAll(keepingCapacity: true)
    }
  }
}

/// How many bytes differ in each part of a disk.
public struct DifferenceMap: Sendable, Equatable {
  /// Most parts.
  public static let mostBuckets: UInt64 = 4096

  /// Bytes of the disk that a part stands for, at least a block.
  public let bucketSize: UInt64
  /// Differing bytes in each part.
  public private(set) var buckets: [UInt64]

  /// Of a disk of `size` bytes.
  init(size: UInt64) {
    bucketSize = max(4096, (size + Self.mostBuckets - 1) / Self.mostBuckets)
    buckets = [UInt64](repeating: 0, count: Int((size + bucketSize - 1) / bucketSize))
  }

  mutating func add(_ range: ByteRange) {
    var start = range.offset
    while start < range.end {
      let bucket = start / bucketSize
      let end = min(range.end, (bucket + 1) * bucketSize)
      buckets[Int(bucket)] += end - start
      start = end
    }
  }
}

extension DifferenceMap: Codable {
  private enum CodingKeys: String, CodingKey { case bucketSize, count, cells }

  /// Reads a map; what cannot be one of a disk is refused.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    bucketSize = try container.decode(UInt64.self, forKey: .bucketSize)
    let count = try container.decode(UInt64.self, forKey: .count)
    let cells = try container.decode([UInt64].self, forKey: .cells)
    func refuse(_ why: String) -> DecodingError {
      .dataCorruptedError(forKey: .cells, in: container, debugDescription: why)
    }
    guard bucketSize > 0, count <= Self.mostBuckets,
      !bucketSize.multipliedReportingOverflow(by: count).overflow,
      cells.count.isMultiple(of: 2)
    else { throw refuse("no map of a disk") }
    buckets = [UInt64](repeating: 0, count: Int(count))
    for pair in stride(from: 0, to: cells.count, by: 2) {
      // So that no sum of them can come to more than the disk.
      guard cells[pair] < count, cells[pair + 1] <= bucketSize else { throw refuse("no part of the map") }
      buckets[Int(cells[pair])] = cells[pair + 1]
    }
  }

  /// Writes the parts that differ: number and bytes in turn.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(bucketSize, forKey: .bucketSize)
    try container.encode(buckets.count, forKey: .count)
    let differing = buckets.indices.filter { buckets[$0] > 0 }
    try container.encode(differing.flatMap { [UInt64($0), buckets[$0]] }, forKey: .cells)
  }
}
