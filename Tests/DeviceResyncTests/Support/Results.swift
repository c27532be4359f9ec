@testable import DeviceResync

extension PairResult {
  /// A pair of 1 MiB that was compared and in which 12 KiB differ in two ranges.
  static func compared() -> PairResult {
    var scene = Scene()
    scene["sda"].size = 1 << 20
    scene["sdb"].size = 1 << 20
    var pair = PairResult(PlannedPair(scene.facts))
    pair.primary = .golden("/dev/a", "sda", DeviceNumber(major: 8, minor: 0))
    pair.recovery = .golden("/dev/b", "sdb", DeviceNumber(major: 8, minor: 16))
    pair.engine = "io_uring"
    pair.pointInTime = .yes
    pair.guards = [.warning("twins", "both carry the same", evidence: ["x"])]
    pair.witness = WitnessReport(
      primaryBytes: 0, recoveryBytes: nil, primaryFileChanged: nil, recoveryFileChanged: false)
    pair.totals.bytesCompared = 1 << 20
    pair.totals.bytesDifferent = 12288
    pair.totals.differentRanges = 2
    pair.totals.seconds = 0.5
    pair.ranges = [ByteRange(offset: 0, length: 4096), ByteRange(offset: 65536, length: 8192)]
    pair.rangesOmitted = 0
    return pair
  }

  /// The same without a difference.
  static func identical() -> PairResult {
    var pair = compared()
    (pair.totals.bytesDifferent, pair.totals.differentRanges, pair.ranges) = (0, 0, [])
    return pair
  }
}

extension DeviceIdentity {
  fileprivate static func golden(_ path: String, _ name: String, _ number: DeviceNumber) -> DeviceIdentity {
    DeviceIdentity(
      path: path, kernelName: name, deviceNumber: number, size: 1 << 20, logicalBlockSize: 512,
      stableName: "wwid-\(name)", diskSequence: 7)
  }
}

extension RunRequest {
  /// One pair, compared.
  static let compare = RunRequest(.compare, pairs: [Pair(primary: "/dev/a", recovery: "/dev/b")])
  /// One pair, written.
  static let resync = RunRequest(.resync, pairs: [Pair(primary: "/dev/a", recovery: "/dev/b")])
  /// One pair, of which is told what would be written.
  static var dryRun: RunRequest {
    var request = resync
    request.isDryRun = true
    return request
  }
}
