import SystemPackage

extension ResyncError: CustomStringConvertible {
  /// What was tried, on which device, what came back, and what to do.
  public var description: String {
    guard let remedy = remedy ?? usualRemedy else { return withoutRemedy }
    return "\(withoutRemedy); \(remedy)"
  }

  /// The same without what to do.
  public var withoutRemedy: String {
    var text = "could not \(attempt)"
    if let device { text += " \(PrintableText(device))" }
    if let side { text += " (the \(side.name))" }
    if let range { text += " at \(range)" }
    switch (errno, reason) {
    case (let errno?, let reason?): text += ": \(reason) (\(errno.name))"
    case (let errno?, nil): text += ": \(meaning(of: errno)) (\(errno.name))"
    case (nil, let reason?): text += ": \(reason)"
    case (nil, nil): break
    }
    return text
  }

  private func meaning(of errno: Errno) -> String {
    if case .kernel(_, .transfer) = cause { return errno.meaning }
    return errno.description
  }

  /// What to do where the place of the failure knew nothing better.
  private var usualRemedy: String? {
    guard case .kernel(_, let moment) = cause else { return nil }
    return switch (returnValue, moment) {
    case (.fileNotFound, _): "look for the disk with: \(CallContext.current.typed(.devices))"
    case (.accessDenied, .open): "run it as root"
    case (.accessDenied, _): "see whether it is read-only: blockdev --getro"
    case (.systemInUse, _): "see who uses it: \(CallContext.current.typed(.devices))"
    case (.outOfMemory, _): "free memory, or use --queue-depth 1"
    case (.systemNotAvailable, _): "see whether it is still there: \(CallContext.current.typed(.devices))"
    case (.failed, .transfer): "see the kernel's log: dmesg; then run again"
    default: nil
    }
  }
}
