import SystemPackage

extension DiskEvidence {
  /// How old a file's change time must be when it is read, in nanoseconds.
  ///
  /// A write in the same tick of the file system's clock leaves it as it is (PITFALLS G3). With small inodes ext4's
  /// ticks are whole seconds.
  private static func leastAge(of time: Int64) -> Int64 {
    time.isMultiple(of: 1_000_000_000) ? 1_100_000_000 : 100_000_000
  }

  /// Looks at a disk; what others had written must be on it already (``settle(_:_:_:droppingCaches:)``).
  ///
  /// May wait for as long as a change time must be old.
  init(of disk: borrowing OpenedDisk, _ planned: NamedDisk, _ side: Side) throws(ResyncError) {
    if let image = planned.image {
      guard image.fileSystem.keepsChangeTimes else {
        self = .none(Self.untrusted(image.fileSystem))
        return
      }
      switch disk.image {
      case .some(let file): self = try Self.of(file, disk.identity.path, side)
      case .none: self = .none("its file is not open")
      }
      return
    }
    guard let device = planned.device else {
      self = .none("it is no device")
      return
    }
    guard let whole = planned.wholeDisk, device.disk == nil || whole.name == device.disk else {
      self = .none("its whole disk was not found")
      return
    }
    if let gap = device.evidenceGap ?? whole.evidenceGap {
      self = .none(gap)
      return
    }
    guard let sequence = disk.identity.diskSequence else {
      self = .none("the kernel does not tell when it was attached")
      return
    }
    let count = try attempt("read the write counters of", on: device.name, side: side, .transfer) {
      () throws(Errno) in try WriteCount(of: device.name, on: device.disk)
    }
    guard let count else {
      self = .none("the kernel does not count what is written to it (iostats)")
      return
    }
    if whole.kind == .loop {
      guard whole.loop?.backingDevice == nil, let backing = whole.loop?.backing,
        let found = planned.loopFiles.first(where: { $0.identity == backing && $0.fileSystem != nil }),
        let file = found.open()
      else {
        self = .none("the file behind the loop cannot be looked at")
        return
      }
      guard let fileSystem = found.fileSystem, fileSystem.keepsChangeTimes else {
        self = .none(Self.untrusted(found.fileSystem))
        return
      }
      self = try Self.of(file, disk.identity.path, side)
    }
    counts = Counts(
      diskSequence: sequence, written: count.bytes, writtenBeside: count.bytesBeside)
  }

  private static func untrusted(_ fileSystem: FileSystem?) -> String {
    "the change times of a file on \(fileSystem?.name ?? "its file system") prove nothing"
  }

  /// What a file shows, once its change time is old enough.
  static func of(
    _ file: borrowing OwnedDescriptor, _ name: String, _ side: Side
  ) throws(ResyncError) -> DiskEvidence {
    for _ in 0..<3 {
      let status = try attempt("look again at", on: name, side: side, .transfer) { () throws(Errno) in
        try FileStatus(of: file)
      }
      let age = nanosecondsSinceEpoch() - status.changed
      let leastAge = leastAge(of: status.changed)
      if age >= leastAge {
        return DiskEvidence(
          file: File(identity: status.identity, size: status.size, changed: status.changed))
      }
      // One that lies in the future is not waited for any longer.
      pause(milliseconds: UInt32(clamping: (leastAge - max(0, age)) / 1_000_000 + 1))
    }
    return .none("its file is being changed, or the clock was set back")
  }
}

extension BlockDevice {
  /// Why its counts do not show every write to its bytes; nil where they do.
  fileprivate var evidenceGap: String? {
    if !slaves.isEmpty {
      return "it is built on \(slaves.joined(separator: ", ")), which can be written below it"
    }
    if mayBeShared { return "other hosts may write to it (\(transport ?? "shared"))" }
    switch kind {
    case .disk, .partition, .loop: return nil
    case .deviceMapper, .raid, .other: return "what is below it can be written without its being counted"
    }
  }
}

extension FileSystem {
  /// Whether every write to a file changes its change time, tried and found so (PITFALLS G3).
  fileprivate var keepsChangeTimes: Bool { tellsHolesTruly }
}
