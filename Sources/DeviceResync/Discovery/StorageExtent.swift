/// A piece of the storage at the bottom of a stack of devices (PITFALLS A5).
struct StorageExtent: Sendable, Hashable {
  /// Where the stack ends: a device with nothing below it, or a file.
  enum Leaf: Sendable, Hashable {
    case device(DeviceNumber)
    case file(FileIdentity)
  }

  let leaf: Leaf
  let range: ByteRange
  /// Whether `range` is known; else the piece lies somewhere in it.
  let isExact: Bool
  /// The LVM volumes that it is reached through, from the leaf upwards, by their mapper UUIDs.
  var volumes: [String] = []
}

extension Host {
  /// Which pieces of which leaves `device` consists of.
  func extents(of device: BlockDevice) -> [StorageExtent] {
    extents(of: device, ByteRange(offset: 0, length: device.size), depth: 0)
  }

  /// The piece that an image is.
  func extents(of image: FileIdentity, size: UInt64) -> [StorageExtent] {
    [StorageExtent(leaf: .file(image), range: ByteRange(offset: 0, length: size), isExact: true)]
  }

  private func extents(of device: BlockDevice, _ range: ByteRange, depth: Int) -> [StorageExtent] {
    // Deeper stacks than this do not exist; a loop in recorded facts must not hang us.
    guard depth < 16 else { return [] }
    if let disk = device.disk.flatMap(self.device(named:)), let place = device.rangeOnDisk {
      return extents(of: disk, range.moved(by: place.offset), depth: depth + 1)
    }
    if let loop = device.loop {
      let inFile = range.moved(by: loop.offset)
      if let below = loop.backingDevice.flatMap(self.device(_:)) {
        return extents(of: below, inFile, depth: depth + 1)
      }
      if let backing = loop.backing {
        return [StorageExtent(leaf: .file(backing), range: inFile, isExact: true)]
      }
    }
    let below = device.slaves.compactMap(self.device(named:))
    guard !below.isEmpty else {
      return [StorageExtent(leaf: .device(device.number), range: range, isExact: true)]
    }
    // dm and md: the table is not read, so the piece lies somewhere on each of them.
    let volume = device.volumeGroupUUID == nil ? nil : device.mapperUUID
    return below.flatMap { slave in
      extents(of: slave, ByteRange(offset: 0, length: slave.size), depth: depth + 1).map { piece in
        StorageExtent(
          leaf: piece.leaf, range: piece.range, isExact: false,
          volumes: piece.volumes + (volume.map { [$0] } ?? []))
      }
    }
  }
}

extension ByteRange {
  /// The same length `distance` bytes further on; cut where 64 bits end.
  fileprivate func moved(by distance: UInt64) -> ByteRange {
    let start = offset.addingReportingOverflow(distance)
    guard !start.overflow else { return ByteRange(offset: .max, length: 0) }
    return ByteRange(offset: start.partialValue, length: min(length, .max - start.partialValue))
  }
}

/// How two stacks share storage.
enum Overlap: Sendable, Equatable {
  case none, certain, possible

  init(_ one: [StorageExtent], _ other: [StorageExtent]) {
    var found = Overlap.none
    for a in one {
      for b in other where a.leaf == b.leaf && a.range.overlaps(b.range) && !a.isBesides(b) {
        if a.isExact && b.isExact { self = .certain; return }
        found = .possible
      }
    }
    self = found
  }
}

extension StorageExtent {
  /// Whether the two are reached through different volumes of one LVM group, which never share a byte.
  ///
  /// Where one way is the beginning of the other, one lies within the other: a thin volume in its pool.
  fileprivate func isBesides(_ other: StorageExtent) -> Bool {
    guard let fork = zip(volumes, other.volumes).first(where: { $0 != $1 }) else { return false }
    return BlockDevice.volumeGroup(of: fork.0) == BlockDevice.volumeGroup(of: fork.1)
  }
}
