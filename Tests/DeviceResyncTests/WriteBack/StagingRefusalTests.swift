import Glibc
import SystemPackage
import Testing

@testable import DeviceResync

@Suite("staging files that are refused", .enabled(if: geteuid() == 0, "needs root, as the command does"))
struct StagingRefusalTests {
  /// A few blocks, zeros, a hole, a tail: every kind of entry in two pairs.
  static func small() throws -> (image: StagingImage, disks: [StagingDisks]) {
    var primary = [UInt8](repeating: 0, count: 65536 + 100)
    primary.replaceSubrange(0..<12288, with: randomBytes(12288, seed: 1))
    primary.replaceSubrange(65536..., with: randomBytes(100, seed: 2))
    var recovery = primary
    for byte in [5000, 65600] { recovery[byte] ^= 1 }
    for byte in 16384..<24576 { recovery[byte] = 9 }
    let data = [ByteRange(offset: 0, length: 32768)]
    let other = randomBytes(4096, seed: 3)
    let disks = [
      StagingDisks(primary: primary, recovery: recovery, data: data),
      StagingDisks(primary: other, recovery: other.map { $0 ^ 1 }),
    ]
    return (try staging(of: disks), disks)
  }

  /// Sees that `image` is refused, and that nothing was written.
  func refuses(
    _ image: StagingImage, _ disks: [StagingDisks], expecting: StagingExpectation? = nil, _ what: String
  ) {
    let applied = apply(image, to: disks[0].recovery, mode: .replay, expecting: expecting)
    #expect(applied.ending.failure?.returnValue == .invalidState, "\(what)")
    #expect(applied.recovery == disks[0].recovery, "\(what)")
    #expect(applied.totals == ApplyTotals(), "\(what)")
  }

  @Test("a flipped bit is found before anything is written, even without the seal that was committed")
  func flips() throws {
    let (image, disks) = try Self.small()
    #expect(apply(image, to: disks[0].recovery).ending == .success(.complete))
    // One bit of each byte; of the hole of zeros, of some bytes.
    for place in image.bytes.indices {
      let isLarge = image.header.zeros.overlaps(ByteRange(offset: UInt64(place), length: 1))
      if isLarge, place % 61 != 0 { continue }
      var flipped = image
      flipped.bytes[place] ^= 1 << UInt8(place % 8)
      var queue = applyQueue(flipped, over: disks[0].recovery)
      let expecting = StagingExpectation(header: image.header, seal: nil)
      let error = #expect(throws: ResyncError.self, "byte \(place)") {
        try validate(flipped, &queue, expecting: expecting)
      }
      #expect(error?.returnValue == .invalidState && queue.writes.isEmpty, "byte \(place)")
    }
  }

  @Test("every prefix of the file is refused: a run that stopped before its seal")
  func prefixes() throws {
    let (image, disks) = try Self.small()
    var lengths = Set(stride(from: 0, to: image.bytes.count, by: 512))
    lengths.formUnion([1, 4095, image.bytes.count - 1])
    for length in lengths {
      var cut = image
      cut.bytes.removeLast(image.bytes.count - length)
      refuses(cut, disks, "\(length) bytes")
      // A crash may leave a file of full length whose end was not written.
      var torn = image
      for byte in length..<image.bytes.count { torn.bytes[byte] = 0 }
      refuses(torn, disks, "zeros from \(length)")
    }
    var longer = image
    longer.bytes += [UInt8](repeating: 0, count: 4096)
    refuses(longer, disks, "a block too many")
  }

  @Test("a file of random bytes, or with random changes, never traps")
  func garbage() throws {
    let (image, disks) = try Self.small()
    forSeeds { seed in
      var random = SplitMix64(seed: seed)
      var wrong = image
      for _ in 0..<Int.random(in: 1...20, using: &random) {
        let place = Int.random(in: 0..<wrong.bytes.count / 8, using: &random) * 8
        let numbers: [UInt64] = [.max, 0, 1, 1 << 63, random.next()]
        let number = numbers.randomElement(using: &random) ?? 0
        wrong.bytes.store(littleEndian: number, at: place)
      }
      // As if its checksums were right: the parser itself must hold.
      wrong.resign()
      // Where only checksums were hit it is the same file again.
      if wrong.bytes == image.bytes { return }
      refuses(wrong, disks, "seed \(seed)")
    }
  }

  @Test("another run's, another relationship's, other and swapped disks are refused by name")
  func others() throws {
    let (image, disks) = try Self.small()
    func expectation(
      _ change: (inout [StagedPair]) -> Void, run: UInt128? = nil, relationship: UInt128 = 7
    )
      -> StagingExpectation
    {
      var pairs = image.header.pairs
      change(&pairs)
      return StagingExpectation(
        header: StagingHeader(
          run: run ?? image.header.run, relationship: relationship, pairs: pairs,
          segmentSize: image.header.segmentSize), seal: image.seal)
    }
    let swapped = expectation {
      let pair = $0[0]
      $0[0] = StagedPair(
        primary: pair.recovery, recovery: pair.primary, size: pair.size, reach: pair.reach,
        logicalBlockSize: 512,
        recoveryBlockSize: 512)
    }
    let cases: [(StagingExpectation, StagingFault)] = [
      (expectation({ _ in }, run: 5), .otherRun),
      (expectation({ _ in }, relationship: 8), .otherRelationship),
      (swapped, .otherDisks(pair: 0)), (expectation { $0.swapAt(0, 1) }, .otherDisks(pair: 0)),
      (expectation { $0.removeLast() }, .otherDisks(pair: 1)),
      (
        StagingExpectation(
          header: image.header,
          seal: StagingSeal(
            run: image.seal.run, records: image.seal.records, bytes: 0, segments: image.seal.segments,
            hash: image.seal.hash)), .otherSeal
      ),
    ]
    for (expecting, fault) in cases {
      let applied = apply(image, to: disks[0].recovery, expecting: expecting)
      #expect(applied.ending.failure?.reason == fault.reason)
      #expect(applied.ending.failure?.returnValue == .invalidState)
      #expect(applied.recovery == disks[0].recovery)
    }
  }

  @Test("a file that rots between validation and apply is not written from")
  func rot() throws {
    let (image, disks) = try Self.small()
    var queue = applyQueue(image, over: Array(disks[0].recovery[..<disks[0].reach]))
    let staging = try validate(image, &queue)
    let payload = Int(image.header.zeros.end) + StagingFormat.indexSize
    queue.primary[payload + 1] ^= 1
    var totals = ApplyTotals()
    let error = #expect(throws: ResyncError.self) {
      try applyStaging(
        staging, pair: 0, mode: .first, through: &queue, control: RunControl(), totals: &totals)
    }
    #expect(error?.reason == StagingFault.damaged(.payload(0)).reason)
    #expect(queue.writes.isEmpty)
  }

  @Test("names of disks keep every byte, and too long ones are refused before a file is made")
  func header() throws {
    let pair = StagedPair(
      primary: "ünïcode", recovery: String(repeating: "x", count: 1024), size: 1 << 40, reach: 1 << 40,
      logicalBlockSize: 4096, recoveryBlockSize: 512)
    let header = StagingHeader(run: .max, relationship: 1, pairs: [pair, pair])
    let bytes = header.encoded()
    #expect(
      try bytes.withRawSpan { (bytes) throws(StagingFault) in try StagingHeader(decoding: bytes) } == header)
    let long = StagedPair(
      primary: String(repeating: "x", count: 1025), recovery: "", size: 0, reach: 0, logicalBlockSize: 512,
      recoveryBlockSize: 512)
    #expect(!StagingHeader(run: 1, relationship: 1, pairs: [long]).isSound)
    #expect(!StagingHeader(run: 1, relationship: 1, pairs: []).isSound)
  }
}

extension Result {
  var failure: Failure? {
    if case .failure(let failure) = self { return failure }
    return nil
  }
}

extension StagingImage {
  /// Makes header and index checksums right again.
  mutating func resign() {
    func sign(_ range: Range<Int>) {
      let checksum = bytes.withRawSpan {
        Checksum.of64($0.extracting(range.lowerBound..<range.upperBound - 8))
      }
      bytes.store(littleEndian: checksum, at: range.upperBound - 8)
    }
    sign(0..<header.byteCount)
    for place in stride(from: Int(header.zeros.end), to: bytes.count - 8192, by: 4096) {
      let magic = bytes.withRawSpan { $0.littleEndian(at: place, as: UInt64.self) }
      if magic == StagingFormat.segmentMagic { sign(place..<place + StagingFormat.indexSize) }
    }
    sign(bytes.count - 4096..<bytes.count)
  }
}
