/// How many bytes a queue moves at once, and where they lie in its slab.
struct QueueGeometry: Sendable, Equatable {
  /// Bytes of one read; a multiple of the block.
  let chunk: Int
  /// The same where huge pages cannot be had: `max_segments` pages of 4 KiB, or the device would have to
  /// split each read (ENGINE 4.2).
  let chunkOnSmallPages: Int
  /// Slots: primary's halves.
  let depth: Int
  /// Recovery's halves; `depth` is a multiple of it, and more than it in alternating runs only.
  let recoveryDepth: Int
  /// Whether the sides are read in runs, one after the other: both lie on one rotational disk.
  var alternates: Bool { depth != recoveryDepth }

  /// Most writes in flight: more gain nothing, and the disk's own queue holds about 128 (ENGINE, Write path).
  static let maxWrites = 64
  /// Length of one side's run in alternating runs, in bytes.
  static let run = 16 << 20

  init(chunk: Int, chunkOnSmallPages: Int? = nil, depth: Int, recoveryDepth: Int? = nil) {
    let recoveryDepth = recoveryDepth ?? depth
    precondition(chunk > 0 && depth > 0 && recoveryDepth > 0 && depth.isMultiple(of: recoveryDepth))
    self.chunk = chunk
    self.chunkOnSmallPages = min(chunk, chunkOnSmallPages ?? chunk)
    self.depth = depth
    self.recoveryDepth = recoveryDepth
  }

  /// Bytes of all buffers.
  var slabSize: Int { (depth + recoveryDepth) * chunk }
  /// Most requests in flight: two reads a slot, the writes, one flush.
  var maxRequests: Int { depth + recoveryDepth + Self.maxWrites + 1 }

  /// Threads of an engine that has them.
  var threads: Int { min(Self.maxThreads, depth + recoveryDepth) }
  private static let maxThreads = 16

  /// Where `side`'s half of `slot` begins in the slab, in bytes.
  func place(of side: Side, in slot: Int) -> Int {
    precondition(slot >= 0 && slot < depth)
    return switch side {
    case .primary: slot * chunk
    case .recovery: (depth + slot % recoveryDepth) * chunk
    }
  }

  /// What to use when the slab could not be had on huge pages.
  var onSmallPages: QueueGeometry {
    QueueGeometry(chunk: chunkOnSmallPages, depth: depth, recoveryDepth: recoveryDepth)
  }
}

extension QueueGeometry {
  /// What the kernel says of one device's requests (sysfs `queue/`).
  struct Limits: Sendable {
    /// Largest request, in bytes (`max_sectors_kb`).
    let maxRequest: UInt64
    /// Most pieces of memory in one request (`max_segments`).
    let maxSegments: UInt64
    /// Logical block size, in bytes.
    let logicalBlockSize: UInt32
  }

  /// The measured best: 6 slots of 1 MiB, smaller where a device takes less.
  ///
  /// 4, 6 and 8 slots came to 1.19, 1.14 and 1.15 of the floor on ext4, to 1.26, 1.31 and 1.29 on tmpfs
  /// (scripts/bench); more bytes than the processor's cache holds leave it before they are compared.
  ///
  /// - Parameters:
  ///   - chunk: what the user asked for, in bytes.
  ///   - depth: what the user asked for, in slots; not for alternating runs.
  ///   - alternating: whether both sides lie on one rotational disk.
  /// - Throws: `invalidParameter` for a chunk or depth that cannot work.
  static func choose(
    primary: Limits, recovery: Limits, chunk requestedChunk: UInt64? = nil, depth requestedDepth: Int? = nil,
    alternating: Bool = false
  ) throws(ResyncError) -> QueueGeometry {
    let block = UInt64(BlockGrid(primary.logicalBlockSize, recovery.logicalBlockSize).blockSize)
    if let requestedChunk {
      guard requestedChunk > 0, requestedChunk.isMultiple(of: block), requestedChunk <= UInt64(run) else {
        throw ResyncError(
          .invalidParameter, "use chunks of \(ByteCount(requestedChunk))",
          reason: "a chunk is a multiple of \(ByteCount(block)), and at most \(ByteCount(UInt64(run)))")
      }
    }
    func wholeBlocks(_ bytes: UInt64) -> Int { Int(max(block, bytes / block * block)) }
    let maxRequest = min(1 << 20, primary.maxRequest, recovery.maxRequest)
    let chunk = requestedChunk.map(Int.init) ?? wholeBlocks(maxRequest)
    let segments = min(1 << 20, primary.maxSegments, recovery.maxSegments)
    let onSmallPages = requestedChunk.map(Int.init) ?? wholeBlocks(segments * 4096)

    if alternating {
      let recoveryDepth = min(4, max(1, run / chunk))
      let depth = max(2, run / chunk / recoveryDepth) * recoveryDepth
      return QueueGeometry(
        chunk: chunk, chunkOnSmallPages: onSmallPages, depth: depth, recoveryDepth: recoveryDepth)
    }
    let depth = requestedDepth ?? 6
    let mostSlots = min(256, maxSlab / (2 * chunk))
    guard (1...mostSlots).contains(depth) else {
      throw ResyncError(
        .invalidParameter, "use a queue of \(depth)",
        reason: "with chunks of \(ByteCount(UInt64(chunk))) it can be 1 to \(mostSlots)")
    }
    return QueueGeometry(chunk: chunk, chunkOnSmallPages: onSmallPages, depth: depth)
  }

  /// Most bytes of buffers; a single registered buffer may have 1 GiB (PITFALLS E7).
  private static let maxSlab = 256 << 20
}
