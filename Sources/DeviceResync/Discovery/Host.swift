import SystemPackage

/// What was found on this host: one value, made by reading only.
public struct Host: Sendable {
  /// Every block device that has something behind it.
  public var devices: [BlockDevice] = []
  /// The mounts of every mount namespace.
  public var mounts: [Mount] = []
  /// The devices of each btrfs that is mounted somewhere, by name.
  var btrfsGroups: [[String]] = []
  /// The swap areas in use.
  public var swaps: [SwapArea] = []
  /// Who has block devices and images open.
  public var openers: [Opener] = []
  /// Processes that could not be asked what they have open.
  public var opaqueProcesses: [OpaqueProcess] = []
  /// Whether `/proc` shows every process of the host.
  public var seesAllProcesses = true
  /// The computer systems that are known here, and their disks.
  var hosted = HostedDisks()
  /// Whether this process is root.
  public var isRoot = true
  /// Loops that this run attached itself.
  var ownLoops: Set<DeviceNumber> = []
  /// This process.
  var ownProcess: Int32 = 0

  /// Whether every process that may hold a disk was looked into.
  ///
  /// The first process is exempt: it starts others and holds no disk of a virtual machine; where it has more
  /// rights than this process it cannot be looked into. Its mounts are known all the same.
  var knowsAllOpeners: Bool { seesAllProcesses && opaqueProcesses.allSatisfy { $0.process == 1 } }

  /// The device with that number.
  public func device(_ number: DeviceNumber) -> BlockDevice? {
    devices.first { $0.number == number }
  }

  /// The device with that kernel name.
  public func device(named name: String) -> BlockDevice? {
    devices.first { $0.name == name }
  }

  /// The loops that are attached to `file`.
  func loops(over file: FileIdentity) -> [BlockDevice] {
    devices.filter { $0.loop?.backing == file }
  }
}

/// Looks at the host.
///
/// - Parameter images: regular files whose openers matter, besides the files behind loops.
func discoverHost(images: Set<FileIdentity>) throws(ResyncError) -> Host {
  var host = Host()
  host.devices = try attempt("list", on: "this host's block devices", .setUp) { () throws(Errno) in
    try discoverDevices()
  }
  host.isRoot = isRoot()
  host.ownProcess = ownProcess()
  host.seesAllProcesses = seesAllProcesses()
  host.mounts = try attempt("list", on: "this host's mounts", .setUp) { () throws(Errno) in
    try discoverMounts()
  }
  host.btrfsGroups = try attempt("list", on: "the devices of mounted btrfs file systems", .setUp) {
    () throws(Errno) in try discoverBtrfsGroups()
  }
  host.swaps = try attempt("list", on: "this host's swap areas", .setUp) { () throws(Errno) in
    try discoverSwaps()
  }
  let files = images.union(host.devices.compactMap { $0.loop?.backing })
  let scan = try attempt("list", on: "who has disks open", .setUp) { () throws(Errno) in
    try discoverOpeners(of: files)
  }
  host.openers = scan.openers
  host.opaqueProcesses = scan.opaque
  return host
}

/// The devices of each mounted btrfs; sysfs has a directory for it as long as it is mounted.
func discoverBtrfsGroups(sysfs: Sysfs = Sysfs()) throws(Errno) -> [[String]] {
  var groups: [[String]] = []
  for id in try sysfs.names("fs/btrfs") {
    let devices = try sysfs.names("fs/btrfs/\(id)/devices")
    if !devices.isEmpty { groups.append(devices) }
  }
  return groups
}

/// Every block device, from libudev and sysfs, loops with what the driver says of them.
func discoverDevices(sysfs: Sysfs = Sysfs()) throws(Errno) -> [BlockDevice] {
  var devices: [BlockDevice] = []
  for found in try enumerateBlockDevices() {
    guard var device = try BlockDevice(found, in: sysfs) else { continue }
    if let binding = device.loop {
      guard let asked = try askDriver(about: device, binding, sysfs) else { continue }
      device.loop = asked
    }
    devices.append(device)
  }
  return devices
}

/// The binding with what the driver says of it; nil for a loop that was detached meanwhile.
///
/// While a loop is being detached the driver denies it already and sysfs still shows it: that passes.
private func askDriver(
  about device: BlockDevice, _ binding: BlockDevice.LoopBinding, _ sysfs: Sysfs
) throws(Errno) -> BlockDevice.LoopBinding? {
  for _ in 0..<40 {
    let asked = askDriver(about: device.node, binding)
    if asked.backing != nil { return asked }
    if try sysfs.text("class/block/\(device.name)/loop/backing_file") == nil { return nil }
    pause(milliseconds: 5)
  }
  return binding
}

/// Adds the backing file's identity, which sysfs does not tell.
///
/// Opening a loop does not touch its backing file, but a dead server behind one can hang it: this belongs in
/// the process that may hang (PITFALLS A6).
private func askDriver(
  about node: String, _ binding: BlockDevice.LoopBinding
) -> BlockDevice.LoopBinding {
  var binding = binding
  // A loop that is detached meanwhile, or that we may not open, keeps `backing` nil: guards call that unknown.
  guard let loop = try? OwnedDescriptor(opening: FilePath(node), [.nonBlocking]),
    let status = try? LoopStatus(of: loop)
  else { return binding }
  binding.backing = status.backing
  binding.backingDevice = status.backingDevice
  binding.offset = status.offset
  binding.sizeLimit = status.sizeLimit
  binding.isReadOnly = status.isReadOnly
  binding.usesDirectIO = status.usesDirectIO
  binding.detachesItself = status.detachesItself
  // The path may lead elsewhere by now; it counts only where it still names the attached file.
  if let file = try? FileStatus(at: FilePath(binding.path), followingLink: true),
    file.identity == status.backing, file.kind == .regular
  {
    binding.fileSize = file.size
  }
  return binding
}
