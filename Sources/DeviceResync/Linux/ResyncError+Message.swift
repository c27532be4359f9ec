extension ResyncError: CustomStringConvertible {
  /// What was tried, on which device, what came back, and what to do.
  public var description: String {
    var text = "could not \(attempt)"
    if let device { text += " \(PrintableText(device))" }
    if let side { text += " (the \(side.name))" }
    if let range { text += " at \(range)" }
    switch (errno, reason) {
    case (let errno?, let reason?): text += ": \(reason) (\(errno.name))"
    case (let errno?, nil): text += ": \(errno) (\(errno.name))"
    case (nil, let reason?): text += ": \(reason)"
    case (nil, nil): break
    }
    if let remedy { text += "; \(remedy)" }
    return text
  }
}
