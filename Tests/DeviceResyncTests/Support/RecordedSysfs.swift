import SystemPackage

@testable import DeviceResync

/// A small tree like /sys, as the kernel lays it out.
struct RecordedSysfs: ~Copyable {
  let directory: TemporaryDirectory

  init() throws { directory = try TemporaryDirectory() }

  var sysfs: Sysfs { Sysfs(root: directory.path) }

  /// Adds a device below `path`, with attributes by their paths below it; a disk's queue is that of a SATA disk
  /// unless told.
  @discardableResult
  func add(
    _ name: String, _ number: String, below path: String, _ attributes: [String: String], isDisk: Bool = true,
    properties: [String: String] = [:], links: [String] = []
  ) throws -> UdevDevice {
    let place = "devices/\(path)/\(name)"
    var all = ["dev": number, "size": "2097152", "ro": "0"]
    if isDisk {
      all.merge([
        "diskseq": "7", "queue/logical_block_size": "512", "queue/physical_block_size": "4096",
        "queue/max_sectors_kb": "1280", "queue/max_segments": "168", "queue/iostats": "1",
        "queue/zoned": "none",
        "queue/rotational": "1",
      ]) { $1 }
    }
    all.merge(attributes) { $1 }
    for (attribute, text) in all { try directory.write("\(place)/\(attribute)", text + "\n") }
    for empty in ["holders", "slaves"] { try directory.directory("\(place)/\(empty)") }
    try directory.link("class/block/\(name)", to: "../../\(place)")
    return UdevDevice(
      name: name, node: "/dev/\(name)", sysfsPath: "/sys/\(place)",
      number: DeviceNumber(parsing: number) ?? DeviceNumber(major: 0, minor: 0), properties: properties,
      links: links)
  }

  /// Says that `holder` is built on `device`.
  func hold(_ device: String, by holder: String) throws {
    try directory.write("class/block/\(device)/holders/\(holder)", "")
    try directory.write("class/block/\(holder)/slaves/\(device)", "")
  }
}
