import SystemPackage

/// What is data in at least one of two raw images; holes of both are passed over (PITFALLS G10).
///
/// The files are asked just in time, a few system calls ahead of the comparison, so that memory does not grow
/// with the number of extents. The caller sees to it that what was written to the loops has reached the files,
/// that the file systems tell the truth about holes, and that the files did not change meanwhile.
struct DataUnion: RangeSource, ~Copyable {
  /// Where a device's bytes lie.
  struct Image: ~Copyable {
    /// The regular file.
    let file: OwnedDescriptor
    /// Where in it the device begins, in bytes (`lo_offset`).
    let start: UInt64
  }

  /// A shorter hole costs more to find than to read, in bytes.
  static let leastHole: UInt64 = 256 << 10
  /// One in so many bytes that are passed over is a sample, which is read all the same.
  static let sampling: UInt64 = 4096
  /// Length of a sample, in bytes.
  static let sample: UInt64 = 1 << 20
  /// Longest range that is handed out, in bytes: looking further ahead would keep the disks waiting.
  static let longest: UInt64 = 64 << 20

  private let size: UInt64
  private let blocks: BlockGrid
  private let primary: Image
  private let recovery: Image
  private var primaryData = Extent()
  private var recoveryData = Extent()
  /// All before it is handed out or passed over.
  private var position: UInt64 = 0
  /// Up to here both sides have a hole, where that is beyond `position`.
  private var holeEnd: UInt64 = 0
  /// What comes after that hole.
  private var upcoming: ByteRange?
  private var samples: SampleDraw
  private(set) var bytesSkipped: UInt64 = 0

  /// An extent of data, in the device's bytes.
  private struct Extent {
    var start: UInt64 = 0
    var end: UInt64 = 0
  }

  /// - Parameters:
  ///   - size: the primary's, in bytes.
  ///   - start: where to begin: the end of a block.
  ///   - seed: decides which holes are read; random in each run, so that nobody can prepare for it.
  init(
    primary: consuming Image, recovery: consuming Image, size: UInt64,
    from start: UInt64 = 0, blocks: BlockGrid,
    seed: UInt64 = .random(in: .min ... .max)
  ) {
    self.primary = primary
    self.recovery = recovery
    self.size = size
    position = start
    self.blocks = blocks
    samples = SampleDraw(seed: seed)
  }

  mutating func next() throws(ResyncError) -> WorkRange? {
    while position < size {
      if position < holeEnd {
        let hole = ByteRange(position, upTo: holeEnd)
        let sample = samples.next(in: hole)
        bytesSkipped += (sample?.offset ?? hole.end) - position
        position = sample?.end ?? hole.end
        if let sample { return WorkRange(range: sample, mustBeZero: true) }
      } else if let region = upcoming {
        upcoming = nil
        position = region.end
        return WorkRange(range: region)
      } else if let region = try nextRegion() {
        upcoming = region
        holeEnd = region.offset
      } else {
        holeEnd = size
      }
    }
    return nil
  }

  /// The next range with data on a side; short holes in it and before it are taken in.
  private mutating func nextRegion() throws(ResyncError) -> ByteRange? {
    try advance(beyond: position)
    var start = min(primaryData.start, recoveryData.start)
    guard start < size else { return nil }
    if start < position + Self.leastHole { start = position }
    var end = start
    let furthest = start + min(Self.longest, size - start)
    while end < furthest {
      try advance(beyond: end)
      let nextStart = min(primaryData.start, recoveryData.start)
      // Before the first extent of the region `end` is `start`, which may be up to a short hole earlier.
      guard nextStart < size, nextStart < end + Self.leastHole else { break }
      if primaryData.start == nextStart { end = primaryData.end }
      if recoveryData.start == nextStart { end = max(end, recoveryData.end) }
    }
    return blocks.widened(ByteRange(start, upTo: min(end, furthest)), within: size)
  }

  /// Moves both sides on to the extent that ends after `offset`; one that has begun starts there.
  private mutating func advance(beyond offset: UInt64) throws(ResyncError) {
    if primaryData.end <= offset {
      primaryData = try Self.extent(of: primary, .primary, from: offset, size: size)
    }
    if recoveryData.end <= offset {
      recoveryData = try Self.extent(of: recovery, .recovery, from: offset, size: size)
    }
    primaryData.start = max(primaryData.start, offset)
    recoveryData.start = max(recoveryData.start, offset)
  }

  /// The first extent of data from `offset` on; one that lies beyond the end where there is none.
  private static func extent(
    of image: borrowing Image, _ side: Side, from offset: UInt64, size: UInt64
  ) throws(ResyncError) -> Extent {
    let nothing = Extent(start: .max, end: .max)
    if offset >= size { return nothing }
    do throws(Errno) {
      guard let data = try image.file.nextData(from: image.start + offset) else { return nothing }
      let hole = try image.file.nextHole(from: data)
      // A file that is cut between the two calls gives a hole before the data: an empty extent would not end.
      guard hole > data else { throw .ioError }
      let start = max(data, image.start + offset) - image.start
      return start >= size ? nothing : Extent(start: start, end: min(hole - image.start, size))
    } catch {
      throw ResyncError(
        .kernel(error, .transfer), "find the data of the image", side: side,
        range: ByteRange(offset, upTo: size))
    }
  }
}
