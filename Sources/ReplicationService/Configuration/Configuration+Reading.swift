import DeviceResync

extension Configuration {
  /// Adds what one file says.
  mutating func read(_ source: TrustedText) throws(ResyncError) {
    let root = try ConfigurationTable(source)
    guard try root.integer("version") == 1 else {
      throw root.fault("version", "it must be 1", remedy: "begin the file with: version = 1")
    }
    if let table = try root.table("defaults") {
      if let former = defaultsPlace { throw root.fault("defaults", "there are some already: \(former)") }
      defaults = try Settings(table)
      defaultsPlace = root.title("defaults")
      try table.checkKeys()
    }
    if let table = try root.table("libvirt") {
      if let former = hypervisorsPlace { throw root.fault("libvirt", "there is one already: \(former)") }
      hypervisors = try table.values("uris", "a URI of libvirt's") { $0 } ?? []
      hypervisorsPlace = root.title("libvirt")
      try table.checkKeys()
    }
    for table in try root.tables("system") { systems.append(try System(table)) }
    for table in try root.tables("relationship") { relationships.append(try Relationship(table)) }
    try root.checkKeys()
  }
}

extension Configuration.Settings {
  init(_ table: ConfigurationTable) throws(ResyncError) {
    writeBack = try table.value("write-back", "staged or in-place", RunRequest.WriteBack.init(rawValue:))
    source = try table.value(
      "source", "auto, offline, snapshot or running", RunRequest.Source.init(rawValue:))
    maxDifference = try table.value(
      "max-difference", "a percentage or a size", RunRequest.DifferenceLimit.init(parsing:))
    verifies = try table.bool("verify")
    stallTimeout = try table.value("stall-timeout", "a time such as 15min", TimeSpan.init(parsing:))
    maxAge = try table.value("max-age", "a time such as 8d", TimeSpan.init(parsing:))
  }
}

extension Configuration.System {
  init(_ table: ConfigurationTable) throws(ResyncError) {
    name = try table.required("name")
    place = table.title("name")
    guard !name.contains(":"), !name.contains("/") else { throw table.fault("name", "it holds ':' or '/'") }
    uuid = try table.value("uuid", "a UUID", UniqueID.init)
    disks = []
    for disk in try table.tables("disk") {
      disks.append(
        Configuration.Disk(
          target: try disk.required("target"), source: try disk.path("source"),
          serial: try disk.string("serial"),
          wwn: try disk.string("wwn")))
      try disk.checkKeys()
    }
    try table.checkKeys()
  }
}

extension Configuration.Relationship {
  init(_ table: ConfigurationTable) throws(ResyncError) {
    name = try table.required("name")
    place = table.title("name")
    primary = try table.required("primary")
    recovery = try table.required("recovery")
    isEnabled = try table.bool("enabled") ?? true
    pairBy =
      try table.values("pair-by", "serial, wwn or target", Configuration.PairingRule.init(rawValue:))
      ?? Configuration.PairingRule.allCases
    settings = try Configuration.Settings(table)
    disks = []
    for disk in try table.tables("disk") {
      disks.append(try Configuration.DiskRule(disk))
      try disk.checkKeys()
    }
    try table.checkKeys()
  }
}

extension Configuration.DiskRule {
  init(_ table: ConfigurationTable) throws(ResyncError) {
    let form = "a target, serial:S, wwn:W, alias:A or an absolute path"
    guard let primary = try table.value("primary", form, Configuration.DiskReference.init(parsing:)) else {
      throw table.fault("primary", "it is missing")
    }
    self.primary = primary
    recovery = try table.value("recovery", form, Configuration.DiskReference.init(parsing:))
    isReplicated = try table.bool("replicate") ?? true
    place = table.title("primary")
    if !isReplicated, recovery != nil {
      throw table.fault("recovery", "a disk that is not replicated has none")
    }
  }
}

extension ConfigurationTable {
  /// An absolute path.
  fileprivate func path(_ key: String) throws(ResyncError) -> String {
    let path = try required(key)
    guard path.hasPrefix("/") else { throw fault(key, "'\(path)' is no absolute path") }
    return path
  }
}
