import Testing

@testable import DeviceResync

@Suite("what is seen of a disk") struct DiskEvidenceTests {
  @Test("a volume on hundreds of disks shows nothing, in words that a record takes", arguments: [1, 8, 300])
  func wide(_ count: Int) throws {
    var scene = Scene()
    scene.stack("dm-0", 0, on: (0..<count).map { "nvme\($0)n1" })
    let gap = try #require(scene["dm-0"].evidenceGap)
    #expect(gap.hasPrefix("it is built on nvme0n1"))
    #expect(gap.contains("and 292 more") == (count == 300), "\(gap)")
    var run = sampleStopped()
    run.checkpoint?.pairs[0].primary = .none(gap)
    let state = sampleRelationship(100, [samplePair("a", "b")], .resynchronizing(run, before: .never))
    #expect(state.fault(as: .relationship(state.id)) == nil)
  }
}
