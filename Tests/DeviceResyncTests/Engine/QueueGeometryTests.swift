import Testing

@testable import DeviceResync

@Suite("queue geometry") struct QueueGeometryTests {
  static func limits(
    _ maxRequest: UInt64, segments: UInt64 = 128, block: UInt32 = 512
  ) -> QueueGeometry.Limits {
    QueueGeometry.Limits(maxRequest: maxRequest, maxSegments: segments, logicalBlockSize: block)
  }

  struct Case: Sendable, CustomTestStringConvertible {
    let primary: QueueGeometry.Limits
    let recovery: QueueGeometry.Limits
    let chunk: Int
    let onSmallPages: Int
    var testDescription: String { "\(primary), \(recovery)" }
  }

  @Test(
    "a chunk is 1 MiB, or less where a device takes less at once; on small pages, what its segments hold",
    arguments: [
      // Loop devices: 1280 KiB, 128 segments.
      Case(
        primary: limits(1280 << 10), recovery: limits(1280 << 10), chunk: 1 << 20, onSmallPages: 512 << 10),
      Case(
        primary: limits(1280 << 10), recovery: limits(256 << 10), chunk: 256 << 10, onSmallPages: 256 << 10),
      Case(
        primary: limits(120 << 10, segments: 17), recovery: limits(1280 << 10), chunk: 120 << 10,
        onSmallPages: 68 << 10),
      Case(primary: limits(127 << 10), recovery: limits(1 << 20), chunk: 124 << 10, onSmallPages: 124 << 10),
      Case(
        primary: limits(1 << 20, segments: 65535), recovery: limits(1 << 20, segments: 65535), chunk: 1 << 20,
        onSmallPages: 1 << 20),
      // Never less than a block.
      Case(
        primary: limits(1 << 20, segments: 1, block: 16384), recovery: limits(4096), chunk: 16384,
        onSmallPages: 16384),
    ])
  func chunk(_ example: Case) throws {
    let geometry = try QueueGeometry.choose(primary: example.primary, recovery: example.recovery)
    #expect(geometry.chunk == example.chunk)
    #expect(geometry.chunkOnSmallPages == example.onSmallPages)
    #expect(geometry.onSmallPages.chunk == example.onSmallPages)
    #expect(geometry.depth == 6 && geometry.recoveryDepth == 6 && !geometry.alternates)
    #expect(geometry.slabSize == 12 * example.chunk)
  }

  @Test("what the user asks for is taken as it is")
  func requested() throws {
    let geometry = try QueueGeometry.choose(
      primary: Self.limits(1 << 20), recovery: Self.limits(1 << 20), chunk: 2 << 20, depth: 7)
    #expect(geometry == QueueGeometry(chunk: 2 << 20, depth: 7))
  }

  @Test(
    "a chunk or a depth that cannot work is 32773",
    arguments: [(4097, 4), (0, 4), (32 << 20, 4), (1 << 20, 0), (1 << 20, -1), (1 << 20, 129), (4096, 257)]
      as [(UInt64, Int)])
  func refused(chunk: UInt64, depth: Int) throws {
    let error = try #require(throws: ResyncError.self) {
      _ = try QueueGeometry.choose(
        primary: Self.limits(1 << 20), recovery: Self.limits(1 << 20), chunk: chunk, depth: depth)
    }
    #expect(error.returnValue == .invalidParameter)
  }

  @Test("alternating runs are 16 MiB of the primary, and need 20 MiB of buffers")
  func alternating() throws {
    let geometry = try QueueGeometry.choose(
      primary: Self.limits(1280 << 10), recovery: Self.limits(1280 << 10), alternating: true)
    #expect(geometry.alternates)
    #expect(geometry.depth * geometry.chunk == 16 << 20)
    #expect(geometry.slabSize == 20 << 20)
    #expect(geometry.place(of: .recovery, in: 5) == geometry.place(of: .recovery, in: 1))
  }

  @Test("no two halves share a byte", arguments: [QueueGeometry(chunk: 8192, depth: 3), smallChunks])
  func places(geometry: QueueGeometry) {
    let places = (0..<geometry.depth).flatMap { slot in
      Side.allCases.map { geometry.place(of: $0, in: slot) }
    }
    #expect(places.sorted() == (0..<2 * geometry.depth).map { $0 * geometry.chunk })
  }
}
