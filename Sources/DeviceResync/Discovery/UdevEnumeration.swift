import CUdev
import SystemPackage

/// One block device as libudev lists it.
struct UdevDevice: Sendable, Equatable {
  /// The kernel's name, such as `sda1`.
  let name: String
  /// The path of its node, such as `/dev/sda1`.
  let node: String
  /// Where sysfs describes it, with all links resolved.
  let sysfsPath: String
  let number: DeviceNumber
  /// udev's own properties (`ID_SERIAL`, `DM_NAME` …); only the kernel's where no udevd runs.
  let properties: [String: String]
  /// Further names that udev made, such as `/dev/disk/by-id/…`.
  let links: [String]
}

/// Every device of the `block` subsystem but loops that are attached to nothing, in the kernel's order.
///
/// libudev reads sysfs, and `/run/udev/data` where there is a database; it asks no daemon.
func enumerateBlockDevices() throws(Errno) -> [UdevDevice] {
  // Every pointer below belongs to libudev: valid until its owner's _unref, which the defers keep last.
  guard let udev = unsafe udev_new() else { throw .noMemory }
  defer { unsafe udev_unref(udev) }
  guard let enumeration = unsafe udev_enumerate_new(udev) else { throw .noMemory }
  defer { unsafe udev_enumerate_unref(enumeration) }
  try check(unsafe udev_enumerate_add_match_subsystem(enumeration, "block"))
  try check(unsafe udev_enumerate_scan_devices(enumeration))

  var devices: [UdevDevice] = []
  var entry = unsafe udev_enumerate_get_list_entry(enumeration)
  while let current = unsafe entry {
    if let path = unsafe udev_list_entry_get_name(current), isInUse(unsafe String(cString: path)),
      let device = unsafe udev_device_new_from_syspath(udev, path)
    {
      // A device may go away while we look: then it is none.
      if let found = unsafe UdevDevice(reading: device) { devices.append(found) }
      unsafe udev_device_unref(device)
    }
    unsafe entry = udev_list_entry_get_next(current)
  }
  return devices
}

/// Whether it is no loop, or one that is attached: hosts keep dozens that are not, and libudev asks a hundred
/// system calls for each.
private func isInUse(_ sysfsPath: String) -> Bool {
  let name = FilePath(sysfsPath).lastComponent?.string ?? ""
  guard name.hasPrefix("loop"), name.dropFirst(4).allSatisfy(\.isNumber) else { return true }
  return (try? FileStatus(at: FilePath(sysfsPath).appending("loop/backing_file"), followingLink: false))
    != nil
}

extension UdevDevice {
  /// - Parameter device: a libudev device that outlives the call.
  fileprivate init?(reading device: OpaquePointer) {
    guard let name = unsafe udev_device_get_sysname(device),
      let node = unsafe udev_device_get_devnode(device),
      let sysfsPath = unsafe udev_device_get_syspath(device)
    else { return nil }
    self.name = unsafe String(cString: name)
    self.node = unsafe String(cString: node)
    self.sysfsPath = unsafe String(cString: sysfsPath)
    let raw = unsafe udev_device_get_devnum(device)
    // glibc's gnu_dev_major and gnu_dev_minor (sys/sysmacros.h), which are macros to Swift.
    number = DeviceNumber(
      major: UInt32((raw >> 8) & 0xfff) | UInt32((raw >> 32) & 0xffff_f000),
      minor: UInt32(raw & 0xff) | UInt32((raw >> 12) & 0xffff_ff00))

    var properties: [String: String] = [:]
    var entry = unsafe udev_device_get_properties_list_entry(device)
    while let current = unsafe entry {
      if let key = unsafe udev_list_entry_get_name(current),
        let value = unsafe udev_list_entry_get_value(current)
      {
        properties[unsafe String(cString: key)] = unsafe String(cString: value)
      }
      unsafe entry = udev_list_entry_get_next(current)
    }
    self.properties = properties

    var links: [String] = []
    unsafe entry = udev_device_get_devlinks_list_entry(device)
    while let current = unsafe entry {
      if let link = unsafe udev_list_entry_get_name(current) { links.append(unsafe String(cString: link)) }
      unsafe entry = udev_list_entry_get_next(current)
    }
    self.links = links.sorted()
  }
}
