import SystemPackage

extension DiskEvidence {
  /// How old a file's change time must be when it is read, in nanoseconds.
  ///
  /// A write in the same tick of the file system's clock leaves it as it is (PITFALLS G3). With small inodes ext4's
  /// ticks are whole seconds.
  private static func leastAge(of time: Int64) -> Int64 {
    time.isMultiple(of: 1_000_000_000) ? 1_100_000_000 : 100_000_000
  }

  /// How long it takes at `now` until a change time is old enough, in nanoseconds; 0 where it is.
  ///
  /// A file system that another host made may hold any time (``FileStatus``): one that lies in the future is not
  /// waited for any longer, and one before all reckoning is old.
  static func waitingTime(for time: Int64, at now: Int64) -> Int64 {
    let age = now.subtractingReportingOverflow(time)
    if age.overflow { return time < now ? 0 : leastAge(of: time) }
    return max(0, leastAge(of: time) - max(0, age.partialValue))
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
      let wait = waitingTime(for: status.changed, at: nanosecondsSinceEpoch())
      if wait == 0 {
        return DiskEvidence(
          file: File(identity: status.identity, size: status.size, changed: status.changed))
      }
      pause(milliseconds: UInt32(clamping: wait / 1_000_000 + 1))
    }
    return .none("its file is being changed, or the clock was set back")
  }
}

extension BlockDevice {
  /// Why its counts do not show every write to its bytes; nil where they do.
  var evidenceGap: String? {
    if !slaves.isEmpty {
      // A record takes a kilobyte, and an array of disks may have hundreds.
      let more = slaves.count > 8 ? " and \(slaves.count - 8) more" : ""
      let names = slaves.prefix(8).joined(separator: ", ")
      return "it is built on \(names)\(more), which can be written below it"
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
  ///
  /// Not on tmpfs: stores into a shared mapping never do there, for its pages are not made read-only again when they
  /// are clean (mm/shmem.c, `shmem_vm_ops` has no `page_mkwrite`; tried on 6.18).
  var keepsChangeTimes: Bool {
    switch name {
    case "ext4", "xfs", "btrfs": true
    default: false
    }
  }
}
