import SystemPackage

/// A name must lead to one disk, today and after a reboot (PITFALLS A11, A22).
enum NameGuard: Guard {
  static let name = "names"

  static func judge(_ facts: PairFacts) -> [GuardVerdict] {
    let verdicts = Side.allCases.compactMap { verdict(facts[$0], facts) }
    return verdicts.isEmpty ? passed("both names lead to a device or an image") : verdicts
  }

  private static func verdict(_ disk: NamedDisk, _ facts: PairFacts) -> GuardVerdict? {
    let title = "the \(disk.side.name) \(PrintableText(disk.name.typed))"
    switch disk.name.problem {
    case .absent(let component):
      let what = component == disk.name.typed ? "" : ": \(PrintableText(component))"
      return refused(
        .fileNotFound, "\(title)\(what) does not exist",
        remedy: "look for the disk with: \(CallContext.current.typed(.devices))")
    case .unreadable(let component, let errno):
      return refused(
        ReturnValue(errno, .open),
        "\(title): \(PrintableText(component)) cannot be looked at (\(errno.name))",
        remedy: "look for the disk with: \(CallContext.current.typed(.devices))")
    case .untrustedLink(let link, let why):
      return refused(
        .invalidParameter, "\(title): the link \(PrintableText(link)) cannot be trusted: \(why)",
        remedy: "name the file itself, without that link")
    case .namedByContent(let name):
      return refused(
        .invalidParameter,
        "\(title): \(PrintableText(name)) names what is on the disk, and its replica carries the same",
        remedy: "name the disk by /dev/disk/by-id, /dev/mapper or /dev/VG/LV")
    case .wrongKind:
      return refused(
        .incorrectDataType, "\(title) is neither a block device nor a regular file",
        remedy: "look for the disk with: \(CallContext.current.typed(.devices))")
    case nil:
      return disk.name.dependsOnOrder ? unstable(disk, title, facts.request.isInteractive) : nil
    }
  }

  private static func unstable(_ disk: NamedDisk, _ title: String, _ isInteractive: Bool) -> GuardVerdict {
    let reason = "\(title) may be another disk after a reboot"
    let remedy =
      disk.device?.pasteableName.map { "use \(PrintableText($0))" }
      ?? "give the disk a serial number, so that udev names it in /dev/disk/by-id"
    return isInteractive
      ? .warning(name, reason, remedy: remedy) : refused(.invalidParameter, reason, remedy: remedy)
  }
}
