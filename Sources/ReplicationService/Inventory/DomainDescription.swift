import DeviceResync

/// A libvirt domain's XML, as far as its disks matter (libvirt, docs/formatdomain.rst).
///
/// The order of disks means nothing: libvirt sorts them anew.
struct DomainDescription {
  let disks: [HostedDisk]
  /// What else it uses: what disks are built on, or are moved to.
  let otherSources: [String]
  /// A disk whose bytes may be on this host, and where is not told.
  let fault: String?

  /// Reads one; nil where it is none.
  ///
  /// - Parameter path: of a volume in a pool; nil where that is not told.
  init?(parsing text: String, path: (_ pool: String, _ volume: String) -> String?) {
    guard let domain = XMLElement(parsing: text), domain.name == "domain" else { return nil }
    self.init(domain, path: path)
  }

  /// Of the element `domain`.
  init(_ domain: XMLElement, path: (_ pool: String, _ volume: String) -> String?) {
    let elements = domain["devices"]?.all("disk") ?? []
    disks = elements.map { Self.disk($0, path) }
    let own = Set(disks.compactMap(\.source))
    otherSources = Set(elements.flatMap(Self.paths)).subtracting(own).sorted()
    fault = elements.first { Self.disk($0, path).kind == .volume }.map { element in
      let source = element["source"]?.attributes ?? [:]
      return "where volume \(source["volume"] ?? "") of pool \(source["pool"] ?? "") is cannot be told"
    }
  }

  /// Every path in it, however deep: backing files, the other side of a block job.
  private static func paths(_ element: XMLElement) -> [String] {
    var found: [String] = []
    if element.name == "source" {
      found = ["file", "dev"].compactMap { absolute(element.attributes[$0]) }
    }
    return found + element.children.flatMap(paths)
  }

  private static func disk(_ disk: XMLElement, _ path: (String, String) -> String?) -> HostedDisk {
    let source = disk["source"]
    let (kind, place) = place(disk.attributes["type"], source, path)
    return HostedDisk(
      target: disk["target"]?.attributes["dev"] ?? "", source: place, kind: kind,
      serial: disk["serial"].flatMap(word), wwn: disk["wwn"].flatMap(word),
      alias: disk["alias"]?.attributes["name"], format: disk["driver"]?.attributes["type"] ?? "raw",
      traits: traits(of: disk))
  }

  private static func place(
    _ type: String?, _ source: XMLElement?, _ path: (String, String) -> String?
  ) -> (HostedDisk.Kind, String?) {
    guard let source, let type else { return (.none, nil) }
    switch type {
    case "file": return absolute(source.attributes["file"]).map { (.file, $0) } ?? (.none, nil)
    case "block": return absolute(source.attributes["dev"]).map { (.block, $0) } ?? (.none, nil)
    case "volume":
      guard let pool = source.attributes["pool"], let volume = source.attributes["volume"],
        let path = absolute(path(pool, volume))
      else { return (.volume, nil) }
      return (path.hasPrefix("/dev/") ? .block : .file, path)
    default: return (HostedDisk.Kind(rawValue: type) ?? .other, nil)
    }
  }

  private static func absolute(_ path: String?) -> String? { path.flatMap { $0.hasPrefix("/") ? $0 : nil } }

  private static func traits(of disk: XMLElement) -> Set<HostedDisk.Trait> {
    var traits: Set<HostedDisk.Trait> = []
    switch disk.attributes["device"] {
    case "cdrom": traits.insert(.cdrom)
    case "floppy": traits.insert(.floppy)
    default: break
    }
    if disk["readonly"] != nil { traits.insert(.readOnly) }
    if disk["shareable"] != nil { traits.insert(.shareable) }
    if disk["transient"] != nil { traits.insert(.transient) }
    if disk["mirror"] != nil { traits.insert(.mirror) }
    // Empty, it says that there is no other image.
    if disk["backingStore"]?["source"] != nil { traits.insert(.backingChain) }
    if disk["source"]?["slices"]?["slice"] != nil { traits.insert(.slice) }
    return traits
  }

  /// The text of an element, without spaces around it; nil where nothing is left.
  private static func word(_ element: XMLElement) -> String? {
    let text = element.text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
    return text.isEmpty ? nil : text
  }
}
