import SystemPackage
import Testing

@testable import DeviceResync

@Suite("reading back what was written")
struct VerificationTests {
  static let size = 1 << 20

  /// Marks these bytes as written and verifies; the recovery's bytes are as given.
  private func verify(
    _ written: [ByteRange], recovery: [UInt8], primary: [UInt8]
  ) -> Result<UInt64, ResyncError> {
    var queue = MemoryQueue(primary: primary, recovery: recovery, geometry: smallChunks)
    var cells = MarkedCells(size: UInt64(Self.size), chunk: smallChunks.chunk)
    for range in written { cells.mark(range) }
    return Result { () throws(ResyncError) in
      try DeviceResync.verify(
        cells, through: &queue, blocks: BlockGrid(512, 512), size: UInt64(Self.size), name: "/dev/b",
        control: RunControl())
    }
  }

  @Test("reads the marked cells and no others")
  func reads() throws {
    let bytes = randomBytes(Self.size, seed: 1)
    var elsewhere = bytes
    elsewhere[900_000] ^= 1
    let read = try verify(
      [ByteRange(offset: 0, length: 4096), ByteRange(offset: 200_000, length: 1)], recovery: elsewhere,
      primary: bytes
    ).get()
    #expect(read > 0 && read < UInt64(Self.size))
    #expect(read % 4096 == 0)
  }

  @Test("nothing that was written is nothing to read")
  func nothing() throws {
    let bytes = randomBytes(Self.size, seed: 2)
    #expect(try verify([], recovery: bytes, primary: bytes).get() == 0)
  }

  @Test(
    "one bit that came back otherwise is 32768, with its block",
    arguments: [0, 4095, 4096, 70_000, (1 << 20) - 1])
  func mismatch(_ byte: Int) {
    let bytes = randomBytes(Self.size, seed: 3)
    var wrong = bytes
    wrong[byte] ^= 0x80
    let result = verify([ByteRange(offset: 0, length: UInt64(Self.size))], recovery: wrong, primary: bytes)
    guard case .failure(let error) = result else {
      Issue.record("passed")
      return
    }
    #expect(error.returnValue == .failed)
    #expect(error.cause == .mismatch)
    #expect(error.side == .recovery)
    #expect(error.range == ByteRange(offset: UInt64(byte / 4096 * 4096), length: 4096))
    #expect(error.description.contains("what was read back is not what was written"))
  }
}
