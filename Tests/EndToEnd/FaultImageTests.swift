import Glibc
import SystemPackage
import Testing

@testable import DeviceResync

/// PITFALLS D2, D3 of raw images.
@Suite("what an image cannot read", .ownPlace, .tags(.devices, .slow)) struct FaultImageTests {
  @Test(
    "an image's last bytes that cannot be read are left out or written like all else, whichever read fails",
    arguments: [Side.primary, .recovery])
  func tails(_ side: Side) throws {
    let bytes = randomBytes(1 << 20 + 100, seed: 9)
    var number = 1
    var seen = 0
    while true {
      let pair = try TestPair(bytes, bytes, name: "\(number)")
      let image = side == .primary ? pair.primary : pair.recovery
      let trace = Place.ours("trace\(number)")
      let report = try Command.json(
        .resync, pair.primary, pair.recovery, inPlace + FaultReadTests.record,
        through: [
          "strace", "-f", "-o", trace, "-P", image, "-e", "trace=pread64",
          "-e", "inject=pread64:error=EIO:when=\(number)",
        ])
      if report["BytesUnread"].int == 100 {
        seen += 1
        expect(report, 32768)
        #expect(report.pair()["Errors"][0]["Offset"].int == 1 << 20)
        #expect(report.pair()["Errors"][0]["Length"].int == 100)
      }
      if report["BytesWritten"].int == 100 {
        seen += 1
        expect(report, 0)
        #expect(report.pair()["Notes"].array.contains { $0.text?.contains("counts as different") == true })
        #expect(report["BytesVerified"].int == 100)
      }
      #expect(areEqual(try pair.recoveryImage.bytes(), bytes))
      // Beyond the last call nothing is injected.
      if try !readText(FilePath(trace)).contains("INJECTED") { break }
      number += 1
    }
    #expect(seen == 1)
  }

  @Test("a corrupted block of an image on btrfs is named exactly, and all else is compared")
  func btrfs() throws {
    let bytes = randomBytes(4 << 20, seed: 8)
    let place = 2_097_152 + 40_960
    let primary = try Image("primary", bytes)
    let recovery = try Image("recovery", bytes)
    let disk = try Image("disk", size: 256 << 20)
    let loop = try NamedLoop(disk.path)
    try tool("mkfs.btrfs", "--quiet", "--data", "single", loop.node)
    let image = Place.ours("mounted/primary")
    func mounted<Value>(_ body: ([String]) throws -> Value) throws -> Value {
      let mount = try Child.mounting(loop.node, at: Place.ours("mounted"))
      let value = try body(["nsenter", "--target", "\(mount.id)", "--mount", "--"])
      mount.endInput()
      _ = try mount.wait()
      return value
    }
    try mounted { inside in
      let copied = try Child(inside + ["cp", primary.path, image]).wait()
      let synchronized = try Child(inside + ["sync", "--file-system", image]).wait()
      #expect(copied.status == 0 && synchronized.status == 0, "\(copied), \(synchronized)")
    }
    // The block's only copy, found by its bytes.
    let block = Array(bytes[place..<place + 4096])
    let all = try disk.bytes()
    let found = stride(from: 0, to: all.count, by: 4096).filter {
      memcmp(Array(all[$0..<$0 + 8]), block, 8) == 0
    }
    try #require(found.count == 1)
    try disk.write([block[7] ^ 1], at: UInt64(found[0] + 7))
    let report = try mounted { inside in
      try Report(
        Command.start(Operation.compare.words(image, recovery.path, FaultReadTests.record), through: inside)
          .wait())
    }
    expect(report, 32768)
    let errors = report.pair()["Errors"].array
    #expect(errors.count == 1 && errors[0]["Side"].text == "primary", "\(report)")
    #expect(errors[0]["Offset"].int == place && errors[0]["Length"].int == 4096, "\(report)")
    #expect(report["BytesUnread"].int == 4096 && report["BytesDifferent"].int == 0)
  }
}
