import Testing

@testable import DeviceResync

@Suite("where storage lies")
struct StorageExtentTests {
  @Test("a partition of a loop with an offset, on a loop, ends in the file")
  func stack() {
    var scene = Scene()
    scene.loop(3, over: 7, offset: 4096, size: 100 << 20)
    scene.loop(4, below: "loop3", offset: 8192, size: 50 << 20)
    scene.partition(1, of: "loop4", ByteRange(offset: 1 << 20, length: 1 << 20))
    #expect(
      scene.host.extents(of: scene["loop41"]) == [
        StorageExtent(
          leaf: .file(.test(7)), range: ByteRange(offset: (1 << 20) + 12288, length: 1 << 20), isExact: true)
      ])
  }

  @Test("a map lies somewhere on each of its slaves, and knows the volumes on the way")
  func maps() {
    var scene = Scene()
    let (group, volume) = (SameStorageGuardTests.volume("d") + "-tdata", SameStorageGuardTests.volume("v"))
    scene.stack("dm-1", 1, on: ["sda", "sdb"], map: "tdata", uuid: group)
    scene.stack("dm-2", 2, on: ["dm-1"], map: "thin", uuid: volume)
    let pieces = scene.host.extents(of: scene["dm-2"])
    #expect(
      pieces
        == [0, 16].map { minor in
          StorageExtent(
            leaf: .device(DeviceNumber(major: 8, minor: minor)), range: ByteRange(offset: 0, length: 1 << 30),
            isExact: false, volumes: [group, volume])
        })
  }

  @Test("a loop of which nothing is known is a leaf; a recorded cycle ends")
  func odd() {
    var scene = Scene()
    scene.loop(3, over: 7)
    scene["loop3"].loop?.backing = nil
    #expect(scene.host.extents(of: scene["loop3"]).map(\.leaf) == [.device(DeviceNumber(major: 7, minor: 3))])
    scene["sda"].slaves = ["sdb"]
    scene["sdb"].slaves = ["sda"]
    #expect(scene.host.extents(of: scene["sda"]) == [])
  }

  @Test("an offset beyond 64 bits is cut, not a trap")
  func edge() {
    var scene = Scene()
    scene.loop(3, over: 7, offset: .max - 10, size: 100)
    #expect(scene.host.extents(of: scene["loop3"])[0].range == ByteRange(offset: .max - 10, length: 10))
    scene.loop(4, over: 7, offset: .max)
    scene.partition(1, of: "loop4", ByteRange(offset: 1, length: 1))
    #expect(scene.host.extents(of: scene["loop41"])[0].range.isEmpty)
  }

  private func piece(
    _ file: UInt64, _ offset: UInt64, _ length: UInt64, exact: Bool = true, _ volumes: [String] = []
  ) -> StorageExtent {
    StorageExtent(
      leaf: .file(.test(file)), range: ByteRange(offset: offset, length: length), isExact: exact,
      volumes: volumes)
  }

  @Test("two stacks overlap certainly, possibly or not at all, and so do they the other way round")
  func overlap() {
    let (a, b) = (SameStorageGuardTests.volume("a"), SameStorageGuardTests.volume("b"))
    let foreign = "LVM-" + String(repeating: "z", count: 64)
    let cases: [([StorageExtent], [StorageExtent], Overlap)] = [
      ([], [piece(1, 0, 9)], .none),
      ([piece(1, 0, 9)], [piece(2, 0, 9)], .none),
      ([piece(1, 0, 9)], [piece(1, 9, 9)], .none),
      ([piece(1, 0, 9)], [piece(1, 8, 9)], .certain),
      ([piece(1, 0, 9)], [piece(1, 8, 9, exact: false)], .possible),
      ([piece(2, 0, 9), piece(1, 0, 9, exact: false)], [piece(1, 0, 9), piece(2, 0, 9)], .certain),
      ([piece(1, 0, 9, exact: false, [a])], [piece(1, 0, 9, exact: false, [b])], .none),
      ([piece(1, 0, 9, exact: false, [a])], [piece(1, 0, 9, exact: false, [a])], .possible),
      ([piece(1, 0, 9, exact: false, [a])], [piece(1, 0, 9, exact: false, [a, b])], .possible),
      ([piece(1, 0, 9, exact: false, [a, foreign])], [piece(1, 0, 9, exact: false, [b])], .none),
      ([piece(1, 0, 9, exact: false, [a])], [piece(1, 0, 9, exact: false, [foreign])], .possible),
    ]
    for (one, other, expected) in cases {
      #expect(Overlap(one, other) == expected)
      #expect(Overlap(other, one) == expected)
    }
  }

  @Test(
    "the relatives of a partition are itself, its disk, and what lies on them, but not the partition beside")
  func relatives() {
    var scene = Scene()
    scene.partition(1, of: "sdb", SameStorageGuardTests.half)
    scene.partition(2, of: "sdb", SameStorageGuardTests.rest)
    scene.stack("dm-1", 1, on: ["sdb1"], map: "x")
    scene.names[.recovery] = "sdb1"
    #expect(Set(scene.disk(.recovery).related.map(\.name)) == ["sdb", "sdb1", "dm-1"])
  }
}
