// How containers are recognised: by our own table, never by a parser that follows what a guest wrote (PITFALLS
// F6, F7). Sources: QEMU block/*.c, `bdrv_probe` of each driver; docs/interop/{qcow2,qed_spec,parallels}.txt.

extension ContainerFormat {
  /// How many bytes from the start ``init(start:end:)`` wants to see.
  static let startLength = 4096
  /// How many bytes from the end it wants to see.
  static let endLength = 512

  /// The format that an image's first and last bytes show; nil for a raw one.
  ///
  /// - Parameters:
  ///   - start: the first bytes, ``startLength`` of them or the whole image.
  ///   - end: the last bytes, ``endLength`` of them or the whole image.
  init?(start: some RandomAccessCollection<UInt8>, end: some RandomAccessCollection<UInt8>) {
    if let format = Self.format(byStart: start) {
      self = format
    } else if Self.hasDiskFooter(end) {
      self = .vhd
    } else {
      return nil
    }
  }

  /// A magic and where it lies, in bytes from the start.
  private static let magics: [(format: ContainerFormat, offset: Int, magic: [UInt8])] = [
    (.qed, 0, Array("QED\0".utf8)),
    (.vmdk, 0, Array("KDMV".utf8)),  // sparse, stream-optimised
    (.vmdk, 0, Array("COWD".utf8)),  // ESX
    (.vmdk, 0, Array("# Disk DescriptorFile".utf8)),  // the text that names the extents' files
    (.vhd, 0, Array("conectix".utf8)),  // dynamic and differencing: a copy of the footer
    (.vhdx, 0, Array("vhdxfile".utf8)),
    (.vdi, 64, [0x7f, 0x10, 0xda, 0xbe]),  // 0xbeda107f, behind 64 bytes of text
    (.parallels, 0, Array("WithoutFreeSpace".utf8)),
    (.parallels, 0, Array("WithouFreSpacExt".utf8)),
  ]

  private static func format(byStart start: some RandomAccessCollection<UInt8>) -> ContainerFormat? {
    if start.starts(with: [0x51, 0x46, 0x49, 0xfb]) {  // QFI\xfb, then the version, big-endian
      return start.dropFirst(4).starts(with: [0, 0, 0, 1]) ? .qcow : .qcow2
    }
    return magics.first { start.dropFirst($0.offset).starts(with: $0.magic) }?.format
  }

  /// Whether a fixed VHD's footer is the end: 512 bytes, 511 where Virtual PC before 2004 wrote it.
  private static func hasDiskFooter(_ end: some RandomAccessCollection<UInt8>) -> Bool {
    [512, 511].contains { length in
      end.count >= length && end.suffix(length).starts(with: "conectix".utf8)
    }
  }
}
