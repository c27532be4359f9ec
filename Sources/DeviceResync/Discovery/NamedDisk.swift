import SystemPackage

/// One side of a disk pair: what the typed name led to, and everything that guards ask about it.
public struct NamedDisk: Sendable {
  /// What is there.
  public enum Storage: Sendable {
    case device(BlockDevice)
    case image(RawImage)
    /// Nothing that could be used; ``NamedDisk/name`` or ``NamedDisk/refusal`` says why.
    case none
  }

  /// Which locks others hold on the bytes that QEMU uses (PITFALLS, appendix C).
  struct Locks: Sendable, Equatable {
    /// Someone writes it: byte 101.
    var writer = false
    /// Someone uses it: any of 100–103 and 200–203.
    var user = false
  }

  let side: Side
  let name: NamedPath
  var storage: Storage = .none
  /// What plans and results show.
  public var identity: DeviceIdentity
  /// Why it could not be looked at: which call, and its errno.
  var refusal: ResyncError?
  /// The pieces of storage it consists of.
  var extents: [StorageExtent] = []
  /// Block devices that share bytes with it, itself included.
  var related: [BlockDevice] = []
  /// The files behind loops that a device lies on; none for an image, which is opened itself.
  var loopFiles: [LoopFile] = []
  var locks = Locks()
  /// The container format that its bytes show.
  var container: ContainerFormat?
  /// File systems and partitions on it.
  var content = ProbedContent.unknown("not looked at")
  /// Whether its first and last MiB are zeros; nil where nobody looked, or it cannot be read.
  var hasZeroEnds: Bool?
  /// Whether it is an image without a byte of data, by a file system whose word counts (PITFALLS G10).
  var isEmptyImage = false

  /// The block device, where it is one.
  var device: BlockDevice? {
    if case .device(let device) = storage { return device }
    return nil
  }

  /// The image, where it is one.
  var image: RawImage? {
    if case .image(let image) = storage { return image }
    return nil
  }

  /// The files that its bytes lie in: the image, or what is behind a loop, however far below.
  var files: Set<FileIdentity> {
    var files: Set<FileIdentity> = []
    for piece in extents {
      if case .file(let file) = piece.leaf { files.insert(file) }
    }
    return files
  }

  /// Size, in bytes.
  var size: UInt64 { identity.size }

  /// Whether `other` is the same device, attached once, or the same image.
  func isSame(as other: NamedDisk) -> Bool {
    switch (storage, other.storage) {
    case (.device(let mine), .device(let theirs)):
      mine.number == theirs.number && mine.diskSequence == theirs.diskSequence
    case (.image(let mine), .image(let theirs)): mine.identity == theirs.identity
    default: false
    }
  }
}

/// A raw image, as its file system describes it.
public struct RawImage: Sendable, Equatable {
  let path: FilePath
  let status: FileStatus
  let fileSystem: FileSystem
  /// The one loop that may be used as it is: attached over the whole image.
  var wholeLoop: BlockDevice?

  var identity: FileIdentity { status.identity }
  var size: UInt64 { status.size }
  /// Whether part of it has no blocks.
  var isSparse: Bool { status.allocated < status.size }
}
