import Glibc
import SystemPackage
import Testing

@testable import DeviceResync

/// Each change is made while the run is stopped on its way: what was read and what was not is known.
@Suite("what changes during a run", .ownPlace, .tags(.devices, .slow)) struct MidRunTests {
  /// Two sparse disks on loops.
  private func images() throws -> (primary: Image, recovery: Image) {
    (try Image("primary", size: LongRun.size), try Image("recovery", size: LongRun.size))
  }

  @Test("a loop that grows ends the run with 32777", arguments: [Side.primary, .recovery])
  func grows(_ side: Side) throws {
    let images = try images()
    let primary = try NamedLoop(images.primary.path)
    let recovery = try NamedLoop(images.recovery.path)
    let report = try LongRun(.resync, primary.node, recovery.node).stopped {
      try (side == .primary ? images.primary : images.recovery).resize(to: LongRun.size + (1 << 20))
      if side == .primary { try primary.takeFilesSize() } else { try recovery.takeFilesSize() }
    }
    expect(report, 32777)
    #expect(report.message.contains("size changed"))
  }

  @Test("an image that is cut ends the run with 32777", arguments: [Side.primary, .recovery])
  func imageIsCut(_ side: Side) throws {
    let images = try images()
    let report = try LongRun(.resync, images.primary.path, images.recovery.path).stopped {
      try (side == .primary ? images.primary : images.recovery).resize(to: LongRun.size / 2)
    }
    expect(report, 32777)
  }

  @Test("a file that is cut behind a loop ends the run with 32768", arguments: [Side.primary, .recovery])
  func fileIsCut(_ side: Side) throws {
    let images = try images()
    let primary = try NamedLoop(images.primary.path)
    let recovery = try NamedLoop(images.recovery.path)
    let report = try LongRun(.resync, primary.node, recovery.node).stopped {
      try (side == .primary ? images.primary : images.recovery).resize(to: LongRun.size / 2)
    }
    expect(report, 32768)
    #expect(report.pair()["Errors"][0]["Errno"].text == "EIO")
    #expect(report.pair()["Errors"][0]["Side"].text == (side == .primary ? "primary" : "recovery"))
    #expect((report.pair()["Errors"][0]["Offset"].int ?? 0) >= Int(LongRun.size / 2))
    // What cannot be read of a recovery is written, as long as it may be a bad sector.
    if side == .recovery {
      #expect(report.message.contains("more than 16 MiB of it cannot be read"), "\(report)")
    }
  }

  @Test("a recovery that becomes read-only ends the run with 32769 at the next write")
  func readOnly() throws {
    let images = try images()
    try images.primary.write([1], at: 0)
    try images.primary.write([1], at: LongRun.size - 1)
    let primary = try NamedLoop(images.primary.path)
    let recovery = try NamedLoop(images.recovery.path)
    let report = try LongRun(.resync, primary.node, recovery.node, inPlace).stopped {
      try recovery.setReadOnly(true)
    }
    try recovery.setReadOnly(false)
    expect(report, 32769)
    #expect(report["BytesWritten"].int == 4096)
    #expect(report.message.contains("mixed"))
  }

  @Test("bytes written into the file behind the primary's loop are noticed")
  func behindTheLoop() throws {
    let images = try images()
    let primary = try NamedLoop(images.primary.path)
    let recovery = try NamedLoop(images.recovery.path)
    let report = try LongRun(.resync, primary.node, recovery.node).stopped {
      try images.primary.write([9], at: 100)
    }
    expect(report, 32768)
    #expect(report.message.contains("changed"))
  }

  @Test("the same of images, also with their time of change put back")
  func imageIsWritten() throws {
    let images = try images()
    let report = try LongRun(.resync, images.primary.path, images.recovery.path).stopped {
      try tool("cp", "--attributes-only", "--preserve=timestamps", images.primary.path, Place.ours("times"))
      try images.primary.write([9], at: 100)
      try tool("touch", "--reference", Place.ours("times"), images.primary.path)
    }
    expect(report, 32768)
  }

  @Test(
    "a foreign write is counted: 32768 in a resync, no point in time in a compare",
    arguments: [Side.primary, .recovery])
  func foreignWrite(_ side: Side) throws {
    let images = try images()
    let primary = try NamedLoop(images.primary.path)
    let recovery = try NamedLoop(images.recovery.path)
    let node = side == .primary ? primary.node : recovery.node
    for operation in [Operation.resync, .compare] {
      let report = try LongRun(operation, primary.node, recovery.node).stopped {
        // A sector of zeros over zeros, of the part that was read already: only the count can tell.
        try tool("dd", "if=/dev/zero", "of=\(node)", "bs=512", "count=1", "oflag=direct", "status=none")
      }
      if operation == .resync {
        expect(report, 32768)
        #expect(report.message.contains("wrote 512 bytes"))
      } else {
        expect(report, 0)
        #expect(report.pair()["PointInTime"].bool == false)
      }
    }
  }

  @Test("another file under the primary's read-only loop ends the run with 32777")
  func changeDescriptor() throws {
    let images = try images()
    let other = try Image("other", size: LongRun.size)
    let primary = try NamedLoop(images.primary.path, readOnly: true)
    let report = try LongRun(.resync, primary.node, images.recovery.path).stopped {
      try primary.change(to: other.path)
    }
    expect(report, 32777)
    #expect(report.message.contains("another disk"))
  }

  @Test("whoever opens the recovery for writing and stays is named: 32774")
  func opener() throws {
    let images = try images()
    let recovery = try NamedLoop(images.recovery.path)
    var writer: Child?
    let report = try LongRun(.resync, images.primary.path, recovery.node).stopped {
      writer = try .holding(recovery.node)
    }
    expect(report, 32774)
    #expect(report.message.contains("bash"))
    _ = consume writer
  }

  @Test("direct I/O that is switched off on the way changes nothing in the result")
  func directIO() throws {
    let images = try images()
    try images.primary.write(randomBytes(8192, seed: 1), at: LongRun.size - 8192)
    let primary = try NamedLoop(images.primary.path)
    let recovery = try NamedLoop(images.recovery.path)
    let report = try LongRun(.resync, primary.node, recovery.node).stopped {
      try primary.setDirectIO(false)
      try recovery.setDirectIO(false)
    }
    expect(report, 0)
    #expect(report["BytesWritten"].int == 8192)
    #expect(areEqual(try images.recovery.bytes(8192, at: LongRun.size - 8192), randomBytes(8192, seed: 1)))
  }
}
