import SystemPackage

/// What `vmresync devices` shows: the devices of this host, as a tree.
public struct DeviceReport: Sendable {
  let host: Host
  /// What was found on each device, by kernel name.
  var contents: [String: ProbedContent] = [:]
  /// Images that were named.
  var images: [NamedDisk] = []
  /// What is remembered of each disk, by kernel name, or by path for an image.
  var remembered: [String: RememberedDisk] = [:]
  /// Why nothing could be told of what is remembered.
  var stateFault: ResyncError?
  /// Only these devices, and what hangs together with them; nil for all.
  let selection: Set<String>?
}

extension DeviceReport {
  /// Looks at the host, or at the devices and images that `paths` name.
  ///
  /// - Parameter stateDirectory: where what is remembered of them is read.
  public init(of paths: [String], stateDirectory: String) throws(ResyncError) {
    let names = paths.map(NamedPath.init(resolving:))
    for name in names {
      if let problem = name.problem { throw Self.error(problem, name.typed) }
    }
    var probe = ProbeHelper()
    let files = names.compactMap(\.status).filter { $0.kind == .regular }
    let host = try discoverHost(images: Set(files.map(\.identity)))
    self.host = host
    images = names.filter { $0.status?.kind == .regular }.map { NamedDisk(.primary, $0, on: host) }
    if paths.isEmpty {
      selection = nil
    } else {
      let numbers = names.compactMap(\.status).filter { $0.kind == .blockDevice }.map(\.deviceNumber)
      let loops = files.flatMap { host.loops(over: $0.identity) }
      let roots = numbers.compactMap(host.device(_:)) + loops
      selection = Set(roots.flatMap { [$0.name] + host.related($0).map(\.name) })
    }
    let shown = devices
    for (device, content) in zip(shown, probe.probeDisks(shown.map { FilePath($0.node) })) {
      contents[device.name] = content
    }
    let looked = probe.probeDisks(images.map { $0.name.canonical ?? FilePath($0.name.typed) })
    for (index, content) in looked.enumerated() { images[index].content = content }
    do throws(ResyncError) {
      guard let store = try DirectoryStore.ifPresent(at: FilePath(stateDirectory)) else { return }
      let book = StateBook(store)
      for device in shown {
        guard let identity = PersistentIdentity(of: device, on: host) else { continue }
        remembered[device.name] = try book.remembered(of: identity)
      }
      for image in images {
        remembered[image.name.typed] = try book.remembered(of: PersistentIdentity(of: image, on: host))
      }
    } catch {
      stateFault = error
    }
  }

  private static func error(_ problem: NamedPath.Problem, _ typed: String) -> ResyncError {
    let (cause, reason): (ResyncError.Cause, String) =
      switch problem {
      case .absent(let component):
        (.kernel(.noSuchFileOrDirectory, .open), "\(PrintableText(component)) does not exist")
      case .unreadable(let component, let errno):
        (.kernel(errno, .open), "\(PrintableText(component)) cannot be looked at")
      case .untrustedLink(let link, let why):
        (.invalidParameter, "the link \(PrintableText(link)) cannot be trusted: \(why)")
      case .namedByContent(let name):
        (.invalidParameter, "\(PrintableText(name)) names what is on a disk, which another may carry too")
      case .wrongKind: (.incorrectDataType, "it is neither a block device nor a regular file")
      }
    return ResyncError(cause, "look at", on: typed, reason: reason)
  }

  /// The devices to show, in the kernel's order with numbers in their order.
  var devices: [BlockDevice] {
    // Without a selection, what has no bytes (an empty drive, an unused zram) is left out.
    host.devices.filter { selection?.contains($0.name) ?? ($0.size > 0) }
      .sorted { $0.name.isBefore($1.name) }
  }
}

extension Host {
  /// Partitions, disk, holders and slaves of `device`, directly.
  func related(_ device: BlockDevice) -> [BlockDevice] {
    let names = device.partitions + device.holders + device.slaves + [device.disk].compactMap { $0 }
    return names.compactMap(self.device(named:))
  }
}

extension String {
  /// `loop2` before `loop10`.
  func isBefore(_ other: String) -> Bool {
    let (mine, theirs) = (Self.key(self), Self.key(other))
    return (mine.text, mine.number, self) < (theirs.text, theirs.number, other)
  }

  private static func key(_ name: String) -> (text: Substring, number: Int) {
    let text = name.prefix(while: { !$0.isNumber })
    return (text, Int(name.dropFirst(text.count).prefix(while: { $0.isNumber })) ?? -1)
  }
}
