import Testing

/// What a pair is made of.
enum Form: String, CaseIterable, Sendable { case images, loops, loopToImage, imageToLoop }

/// A pair in one of its forms; loops live as long as it does.
struct TestPair: ~Copyable {
  let primaryImage: Image
  let recoveryImage: Image
  private let primaryLoop: NamedLoop?
  private let recoveryLoop: NamedLoop?

  init(
    _ primary: [UInt8], _ recovery: [UInt8], _ form: Form = .images,
    blockSizes: (UInt32, UInt32) = (512, 512),
    name: String = ""
  ) throws {
    let primaryImage = try Image("primary\(name)", primary)
    let recoveryImage = try Image("recovery\(name)", recovery)
    // All that can throw comes first: a half-made noncopyable value cannot be destroyed.
    let primaryLoop = try Self.loop(primaryImage, blockSizes.0, form == .loops || form == .loopToImage)
    let recoveryLoop = try Self.loop(recoveryImage, blockSizes.1, form == .loops || form == .imageToLoop)
    self.primaryImage = primaryImage
    self.recoveryImage = recoveryImage
    self.primaryLoop = primaryLoop
    self.recoveryLoop = recoveryLoop
  }

  /// 1 MiB each; the second block differs.
  init(differing form: Form, name: String = "") throws {
    let bytes = randomBytes(1 << 20, seed: 7)
    var other = bytes
    other[5000] ^= 1
    try self.init(bytes, other, form, name: name)
  }

  /// Expects that the recovery still holds what ``init(differing:)`` gave it.
  func expectUntouched(sourceLocation: SourceLocation = #_sourceLocation) throws {
    var bytes = randomBytes(1 << 20, seed: 7)
    #expect(areEqual(try primaryImage.bytes(), bytes), sourceLocation: sourceLocation)
    bytes[5000] ^= 1
    #expect(areEqual(try recoveryImage.bytes(), bytes), sourceLocation: sourceLocation)
  }

  static func loop(_ image: Image, _ blockSize: UInt32, _ isWanted: Bool) throws -> NamedLoop? {
    isWanted ? try NamedLoop(image.path, blockSize: blockSize) : nil
  }

  var primary: String { Self.path(primaryLoop, primaryImage) }
  var recovery: String { Self.path(recoveryLoop, recoveryImage) }

  /// The loop's node where there is one, else the image.
  static func path(_ loop: borrowing NamedLoop?, _ image: Image) -> String {
    switch loop {
    case .some(let loop): loop.node
    case .none: image.path
    }
  }
}
