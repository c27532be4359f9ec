import SystemPackage

/// The block device through which an image is reached.
struct ImageLoop: ~Copyable {
  let descriptor: OwnedDescriptor
  let isOwn: Bool
  let usesDirectIO: Bool

  consuming func take() -> OwnedDescriptor { descriptor }
}

extension OpenedDisk {
  /// The loop that is attached over the whole image already, else one of our own.
  static func device(
    over file: borrowing OwnedDescriptor, _ disk: borrowing NamedDisk, _ image: RawImage, _ flags: OpenFlags
  ) throws(ResyncError) -> ImageLoop {
    if let loop = image.wholeLoop {
      return try attempt("open the loop over", on: disk.name.typed, side: disk.side) { () throws(Errno) in
        let descriptor = try OwnedDescriptor(opening: FilePath(loop.node), flags.union([.direct]))
        let status = try LoopStatus(of: descriptor)
        // Detached and attached anew since the plan: not the loop that was judged.
        guard status.backing == image.identity, status.offset == 0, status.sizeLimit == nil else {
          throw Errno.noSuchAddressOrDevice
        }
        return ImageLoop(descriptor: descriptor, isOwn: false, usesDirectIO: status.usesDirectIO)
      }
    }
    return try attempt("attach a loop device to", on: disk.name.typed, side: disk.side, .setUp) {
      () throws(Errno) in try attachOwn(over: file, image, flags)
    }
  }

  /// Attaches with the smallest logical block at which the loop keeps direct I/O (PITFALLS B4): 512 bytes reach
  /// nearly every tail; a file system on 4096-byte sectors needs 4096.
  private static func attachOwn(
    over file: borrowing OwnedDescriptor, _ image: RawImage, _ flags: OpenFlags
  ) throws(Errno) -> ImageLoop {
    let wanted = flags.union([.direct])
    if image.status.directOffsetAlignment ?? 512 <= 512 {
      let loop = try AttachedLoop(over: file, wanted, blockSize: 512)
      if try LoopStatus(of: loop.descriptor).usesDirectIO {
        return ImageLoop(descriptor: loop.takeDescriptor(), isOwn: true, usesDirectIO: true)
      }
    }
    let larger = image.status.directOffsetAlignment ?? 4096
    if image.size >= UInt64(larger) {
      let loop = try AttachedLoop(over: file, wanted, blockSize: larger)
      if try LoopStatus(of: loop.descriptor).usesDirectIO {
        return ImageLoop(descriptor: loop.takeDescriptor(), isOwn: true, usesDirectIO: true)
      }
    }
    // Neither keeps it: buffered below, which stays coherent with the file.
    let loop = try AttachedLoop(over: file, wanted, blockSize: 512)
    return ImageLoop(descriptor: loop.takeDescriptor(), isOwn: true, usesDirectIO: false)
  }
}
