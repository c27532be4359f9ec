// Who uses a disk, as guards name it.

extension PairFacts {
  /// Mounts of a device that shares bytes with `disk`, as messages name them.
  func mounts(of disk: NamedDisk) -> [(device: String, mountPoint: String)] {
    let numbers = Dictionary(disk.related.map { ($0.number, $0.name) }, uniquingKeysWith: { one, _ in one })
    let nodes = Dictionary(
      disk.related.flatMap { device in device.names.map { ($0, device.name) } },
      uniquingKeysWith: { one, _ in one })
    var found = host.mounts.compactMap { mount -> (device: String, mountPoint: String)? in
      // btrfs mounts carry an anonymous device number: there the source tells, in the words of who mounted it.
      guard let device = numbers[mount.device] ?? nodes[mount.source] else { return nil }
      return (device, mount.mountPoint)
    }
    // The source is one device of a btrfs; the others are known by its group only.
    let names = Set(disk.related.map(\.name))
    for group in host.btrfsGroups {
      guard let member = group.first(where: names.contains),
        !found.contains(where: { group.contains($0.device) })
      else { continue }
      let sources = Set(group.compactMap(host.device(named:)).flatMap(\.names))
      let points = host.mounts.filter { sources.contains($0.source) }.map(\.mountPoint)
      found += (points.isEmpty ? ["a place that is not known"] : points).map { (member, $0) }
    }
    // Every mount namespace that has a copy of the mount shows it; once is enough.
    return found.reduce(into: []) { seen, mount in
      if !seen.contains(where: { $0 == mount }) { seen.append(mount) }
    }
  }

  /// Swap areas that share bytes with `disk`.
  func swaps(of disk: NamedDisk) -> [SwapArea] {
    let numbers = Set(disk.related.map(\.number))
    let files = disk.files
    return host.swaps.filter { area in
      area.device.map(numbers.contains) ?? false || area.file.map(files.contains) ?? false
    }
  }

  /// Other processes that have a node or file of `disk` open.
  func openers(of disk: NamedDisk) -> [Opener] {
    disk.openers(among: host.openers, except: host.ownProcess)
  }

  /// `pid 4711 (qemu-system-x86) has /dev/sdb open for writing`.
  func title(of opener: Opener) -> String {
    let what =
      switch opener.target {
      case .device(let number): host.device(number)?.node ?? "device \(number)"
      case .file: "the image"
      }
    return
      "\(opener.description) has \(PrintableText(what)) open for \(opener.isWriting ? "writing" : "reading")"
  }

  /// Devices that are built on `disk` or on a device that shares bytes with it: `dm-3 (vg-lv)`.
  func holders(of disk: NamedDisk) -> [BlockDevice] {
    let below = Set(ancestors(of: disk).map(\.name))
    let related = Set(disk.related.map(\.name))
    let names = Set(disk.related.flatMap(\.holders)).subtracting(below)
    return names.sorted().compactMap { name in
      guard let holder = host.device(named: name) else { return BlockDevice(unknown: name) }
      // Another volume of the group that the disk is of is built on the same device, but on no byte of it.
      return related.contains(name) ? holder : nil
    }
  }

  /// `disk` itself, and what it is built on.
  func ancestors(of disk: NamedDisk) -> [BlockDevice] {
    var found: [BlockDevice] = []
    var pending = disk.device.map { [$0] } ?? []
    while let device = pending.popLast() {
      guard !found.contains(where: { $0.number == device.number }) else { continue }
      found.append(device)
      pending += device.disk.flatMap(host.device(named:)).map { [$0] } ?? []
      pending += device.slaves.compactMap(host.device(named:))
      pending += device.loop?.backingDevice.flatMap(host.device(_:)).map { [$0] } ?? []
    }
    return found
  }

  /// Whether both sides end on one disk that is known to be rotational.
  var sharesRotationalDisk: Bool {
    guard let one = baseDisk(of: primary), let other = baseDisk(of: recovery) else { return false }
    return one.number == other.number && one.isKnownRotational
  }

  /// The disk at the bottom; for an image the one that its file system lies on.
  private func baseDisk(of disk: NamedDisk) -> BlockDevice? {
    let start = disk.device ?? disk.image.flatMap { host.device($0.identity.device) }
    guard var device = start else { return nil }
    for _ in 0..<16 {
      if let parent = device.disk.flatMap(host.device(named:)) {
        device = parent
      } else if let backing = device.loop?.backing,
        let below = host.device(device.loop?.backingDevice ?? backing.device)
      {
        device = below
      } else if device.slaves.count == 1, let slave = host.device(named: device.slaves[0]) {
        device = slave
      } else {
        return device
      }
    }
    return device
  }

  /// Loops that are attached read-write to bytes of `disk`, besides the one that was named or is to be used.
  func foreignLoops(over disk: NamedDisk) -> [BlockDevice] {
    let known = Set(ancestors(of: disk).map(\.number)).union(host.ownLoops)
      .union(disk.image?.wholeLoop.map { [$0.number] } ?? [])
    return disk.related.filter { device in
      device.kind == .loop && !device.isReadOnly && !known.contains(device.number)
    }
  }

  /// Whether the kernel is about to detach `loops`: it does so at the last close, and nobody has them open, so that
  /// only a dead run's last I/O holds them.
  func areEnding(_ loops: [BlockDevice]) -> Bool {
    loops.allSatisfy { loop in
      loop.loop?.detachesItself == true
        && !host.openers.contains { $0.target == .device(loop.number) && !$0.isDying }
    }
  }
}

extension BlockDevice {
  /// A device that is named by another, but was not found itself.
  fileprivate init(unknown name: String) {
    self.init(
      name: name, node: "/dev/\(name)", number: DeviceNumber(major: 0, minor: 0), kind: .other, size: 0,
      isReadOnly: false,
      queue: Queue(
        logicalBlockSize: 512, physicalBlockSize: 512, maxRequestSize: 0, maxSegments: 0,
        countsSectors: false,
        zonedModel: "none", isRotational: false))
  }

  /// The kernel's name and, for a mapped device, the map's.
  var title: String {
    mapperName.map { "\(name) (\(PrintableText($0)))" } ?? name
  }
}

extension NamedDisk {
  /// Those of `openers` that have a node or file of this disk open.
  fileprivate func openers(among openers: [Opener], except process: Int32) -> [Opener] {
    let numbers = Set(related.map(\.number))
    let files = files
    return openers.filter { opener in
      guard opener.process != process else { return false }
      return switch opener.target {
      case .device(let number): numbers.contains(number)
      case .file(let file): files.contains(file)
      }
    }
  }

  /// Processes other than `process` that may write to this disk.
  func writers(among openers: [Opener], except process: Int32) -> [Opener] {
    self.openers(among: openers, except: process).filter(\.isWriting)
  }
}

extension Host {
  /// Disks at the bottom of `disk` that are known to be rotational; for an image those that its file system lies on.
  func rotationalDisks(of disk: NamedDisk) -> Set<DeviceNumber> {
    var found: Set<DeviceNumber> = []
    var seen: Set<DeviceNumber> = []
    var pending = (disk.device ?? disk.image.flatMap { self.device($0.identity.device) }).map { [$0] } ?? []
    while let device = pending.popLast() {
      guard seen.insert(device.number).inserted else { continue }
      var below = device.disk.flatMap(self.device(named:)).map { [$0] } ?? []
      below += device.slaves.compactMap(self.device(named:))
      if let loop = device.loop, let number = loop.backingDevice ?? loop.backing?.device {
        below += self.device(number).map { [$0] } ?? []
      }
      if below.isEmpty, device.isKnownRotational { found.insert(device.number) }
      pending += below
    }
    return found
  }
}
