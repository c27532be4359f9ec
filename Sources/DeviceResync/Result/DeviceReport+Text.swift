extension DeviceReport {
  /// The devices as a tree: disk, partition, holder; loop and image; what is on it; who uses it.
  ///
  /// - Parameter width: columns to fit in, where that can be had by shortening the last one.
  public func text(width: Int) -> String {
    var rows = [Row(name: "DEVICE", size: "SIZE", kind: "KIND", content: "CONTENT", use: "USED BY")]
    let shown = devices
    let names = Set(shown.map(\.name))
    for device in shown where parents(of: device).isDisjoint(with: names) {
      append(device, to: &rows, prefix: "", childPrefix: "", among: names)
    }
    for image in images { rows.append(row(of: image)) }
    let fault = stateFault.map { "what is remembered cannot be read: \($0)\n" } ?? ""
    if rows.count == 1 { return "no block device has anything behind it\n" }
    return Self.aligned(rows, width: width) + fault
  }

  private struct Row {
    var name: String
    var size: String
    var kind: String
    var content: String
    var use: String
  }

  /// What a device hangs under in the tree: its disk, or what it is built on.
  private func parents(of device: BlockDevice) -> Set<String> {
    let below = device.loop?.backingDevice.flatMap(host.device(_:))?.name
    return Set([device.disk, below].compactMap { $0 } + device.slaves)
  }

  private func append(
    _ device: BlockDevice, to rows: inout [Row], prefix: String, childPrefix: String, among names: Set<String>
  ) {
    rows.append(row(of: device, prefix: prefix))
    // Holders of holders end by themselves; a recorded cycle must not hang us.
    guard childPrefix.count < 48 else { return }
    let children = devices.filter { names.contains($0.name) && parents(of: $0).contains(device.name) }
    for (index, child) in children.enumerated() {
      let isLast = index == children.count - 1
      append(
        child, to: &rows, prefix: childPrefix + (isLast ? "└─" : "├─"),
        childPrefix: childPrefix + (isLast ? "  " : "│ "), among: names)
    }
  }

  private func row(of device: BlockDevice, prefix: String) -> Row {
    var kind = device.kind.rawValue
    if let transport = device.transport { kind += " \(PrintableText(transport))" }
    if device.isReadOnly { kind += " ro" }
    if device.queue.logicalBlockSize != 512 { kind += " \(device.queue.logicalBlockSize)b" }
    var content = contents[device.name].map(Self.summary) ?? ""
    if let loop = device.loop {
      let image = "\(PrintableText(loop.path))" + (loop.offset > 0 ? " from byte \(loop.offset)" : "")
      content = content.isEmpty ? "image \(image)" : "\(content) in \(image)"
    } else if content.isEmpty, let model = device.model {
      content = PrintableText(model).description
    }
    return Row(
      name: prefix + (device.mapperName.map { PrintableText($0).description } ?? device.name),
      size: "\(ByteCount(device.size))",
      kind: kind, content: content, use: (users(of: device) + memory(device.name)).joined(separator: "; "))
  }

  private func row(of image: NamedDisk) -> Row {
    let sparse = image.image.map { $0.isSparse ? " sparse" : "" } ?? ""
    let users = host.openers.filter { $0.target == (image.image?.identity).map(Opener.Target.file) }.map(
      Self.use)
    return Row(
      name: PrintableText(image.name.typed).description, size: "\(ByteCount(image.size))",
      kind: "image\(sparse)",
      content: Self.summary(image.content),
      use: (users + memory(image.name.typed)).joined(separator: "; "))
  }

  /// What it is remembered as.
  private func memory(_ name: String) -> [String] {
    guard let disk = remembered[name] else { return [] }
    return [
      disk.asRecovery.map { "recovery, \($0.title)" }, disk.failedOver.map { "failed over since \($0)" },
      disk.recoveryPoint.map(\.title),
      disk.primaryOf > 0 ? "primary" : nil,
    ].compactMap { $0 }
  }

  /// Mounts, swap and processes, each once.
  func users(of device: BlockDevice) -> [String] {
    var users: [String] = []
    for mount in host.mounts where mount.device == device.number || mount.source == device.node {
      users.append("mounted on \(PrintableText(mount.mountPoint))")
    }
    if host.swaps.contains(where: { $0.device == device.number }) { users.append("swap") }
    users += host.openers.filter { $0.target == .device(device.number) }.map(Self.use)
    return users.reduce(into: []) { seen, user in if !seen.contains(user) { seen.append(user) } }
  }

  private static func use(_ opener: Opener) -> String {
    "\(PrintableText(opener.program)) (\(opener.process)) \(opener.isWriting ? "writes" : "reads")"
  }

  /// `ext4 "root"`, `gpt 3 partitions`, `qcow2 container`.
  private static func summary(_ content: ProbedContent) -> String {
    var parts: [String] = []
    if case .unknown(let reason) = content.outcome { parts.append("not known: \(reason)") }
    if let container = content.container { parts.append("\(container.rawValue) container") }
    if let table = content.partitionTable {
      parts.append(
        "\(table.type) \(table.entries.count) \(table.entries.count == 1 ? "partition" : "partitions")")
    }
    for signature in content.signatures {
      let label = signature.label.map { " \"\($0)\"" } ?? ""
      parts.append("\(signature.type)\(label)")
    }
    return parts.joined(separator: ", ")
  }

  private static func aligned(_ rows: [Row], width: Int) -> String {
    let name = rows.map(\.name.count).max() ?? 0
    let size = rows.map(\.size.count).max() ?? 0
    let kind = rows.map(\.kind.count).max() ?? 0
    let content = min(rows.map(\.content.count).max() ?? 0, max(20, (width - name - size - kind - 8) * 2 / 3))
    return rows.map { row in
      var line = row.name.padded(to: name) + "  "
      line += String(repeating: " ", count: size - row.size.count) + row.size + "  "
      line +=
        row.kind.padded(to: kind) + "  " + row.content.shortened(to: content).padded(to: content) + "  "
        + row.use
      while line.last == " " { line.removeLast() }
      return line + "\n"
    }.joined()
  }
}

extension String {
  fileprivate func padded(to width: Int) -> String {
    self + String(repeating: " ", count: max(0, width - count))
  }

  /// The middle gives way: of a path both ends tell the most.
  fileprivate func shortened(to width: Int) -> String {
    guard count > width, width > 3 else { return self }
    let head = (width - 1) / 2
    return prefix(head) + "…" + suffix(width - 1 - head)
  }
}
