import Testing

@testable import DeviceResync

@Suite("difference recorder") struct DifferenceRecorderTests {
  @Test("adjacent differences merge, the list ends at its limit, and the rest is counted")
  func list() throws {
    var recorder = DifferenceRecorder(size: 1 << 20, maxRanges: 2)
    for (offset, length) in [(0, 4096), (4096, 4096), (12288, 4096), (20480, 512), (40960, 4096)] {
      try recorder.record(ByteRange(offset: UInt64(offset), length: UInt64(length)))
    }
    try recorder.finish()
    #expect(
      recorder.ranges == [ByteRange(offset: 0, length: 8192), ByteRange(offset: 12288, length: 4096)])
    #expect(recorder.omitted == 2)
  }

  @Test("the stream is given every merged difference, in order, the last batch at the end")
  func stream() throws {
    var streamed: [ByteRange] = []
    var batches: [Int] = []
    var recorder = DifferenceRecorder(size: 1 << 30, maxRanges: 0) { (ranges) throws(ResyncError) in
      batches.append(ranges.count)
      streamed += ranges
    }
    let expected = (0..<600).map { ByteRange(offset: $0 * 8192, length: 4096) }
    for range in expected { try recorder.record(range) }
    try recorder.finish()
    #expect(batches == [256, 256, 88])
    #expect(streamed == expected)
    #expect(recorder.ranges.isEmpty && recorder.omitted == 600)
  }

  @Test("the map counts the differing bytes of each part of the disk")
  func map() {
    var map = DifferenceMap(size: 64 << 20)
    #expect(map.bucketSize == 16384)
    map.add(ByteRange(offset: 12288, length: 8192))
    map.add(ByteRange(offset: (64 << 20) - 4096, length: 4096))
    #expect(map.buckets[0] == 4096 && map.buckets[1] == 4096 && map.buckets[4095] == 4096)
    #expect(map.buckets.reduce(0, +) == 12288)
  }

  @Test(
    "a part of the map is at least a block", arguments: [512, 4096, 1 << 20, (16 << 20) + 512] as [UInt64])
  func smallMap(size: UInt64) {
    var map = DifferenceMap(size: size)
    map.add(ByteRange(offset: size - 512, length: 512))
    #expect(map.buckets.last == 512)
    #expect(map.buckets.count <= 4096 && map.bucketSize >= 4096)
  }
}
