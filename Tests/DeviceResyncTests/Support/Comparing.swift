import SystemPackage

@testable import DeviceResync

/// What a comparison found and did.
struct Compared {
  var ending: Result<CompareEnding, ResyncError>
  var totals: CompareTotals
  var ranges: [ByteRange]
  var error: ResyncError? {
    if case .failure(let error) = ending { return error }
    return nil
  }
}

/// Compares all that `source` names, and writes the differences where `writing` says so.
func compare<Source: RangeSource & ~Copyable, Queue: BlockQueue & ~Copyable>(
  _ source: inout Source, through queue: inout Queue, size: UInt64, blocks: BlockGrid, writing: Bool = false,
  confirming: Bool = false, rules: ReadFaultRules = ReadFaultRules(), control: RunControl = RunControl()
) -> Compared {
  var totals = CompareTotals()
  let recorder = DifferenceRecorder(size: size, maxRanges: 100_000)
  if writing {
    var sink = InPlaceSink(recorder)
    let ending = Result<CompareEnding, ResyncError> { () throws(ResyncError) in
      try comparePair(
        &source, through: &queue, into: &sink, blocks: blocks, confirming: confirming, rules: rules,
        control: control, totals: &totals)
    }
    return Compared(ending: ending, totals: totals, ranges: sink.recorder.ranges)
  }
  var sink = ReportSink(recorder)
  let ending = Result<CompareEnding, ResyncError> { () throws(ResyncError) in
    try comparePair(
      &source, through: &queue, into: &sink, blocks: blocks, confirming: confirming, rules: rules,
      control: control, totals: &totals)
  }
  return Compared(ending: ending, totals: totals, ranges: sink.recorder.ranges)
}

/// The same over every byte of a pair of `size` bytes.
func compareAll<Queue: BlockQueue & ~Copyable>(
  _ queue: inout Queue, size: Int, blocks: BlockGrid = BlockGrid(512, 512), writing: Bool = false,
  confirming: Bool = false, rules: ReadFaultRules = ReadFaultRules(), control: RunControl = RunControl()
) -> Compared {
  var source = WholeRange(size: UInt64(size), blocks: blocks)
  return compare(
    &source, through: &queue, size: UInt64(size), blocks: blocks, writing: writing, confirming: confirming,
    rules: rules, control: control)
}

/// The differences of two disks, found byte by byte: what every other way to find them must come to.
func oracle(_ primary: [UInt8], _ recovery: [UInt8], blocks: BlockGrid) -> [ByteRange] {
  var ranges: [ByteRange] = []
  var start = 0
  while start < primary.count {
    let rest = primary.count - start
    let length = rest >= blocks.blockSize ? blocks.blockSize : min(rest, blocks.logicalBlockSize)
    if primary[start..<start + length] != recovery[start..<start + length] {
      if let last = ranges.last, last.end == UInt64(start) {
        ranges[ranges.count - 1] = ByteRange(offset: last.offset, length: last.length + UInt64(length))
      } else {
        ranges.append(ByteRange(offset: UInt64(start), length: UInt64(length)))
      }
    }
    start += length
  }
  return ranges
}

/// Small chunks, so that a small disk has many.
let smallChunks = QueueGeometry(chunk: 64 << 10, depth: 4)

/// How many bytes differ; a failed expectation must not print two disks.
func differingBytes(_ one: [UInt8], _ other: [UInt8]) -> Int {
  precondition(one.count == other.count)
  if one == other { return 0 }
  return zip(one, other).count { $0 != $1 }
}
