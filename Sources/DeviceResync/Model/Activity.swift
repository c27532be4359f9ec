/// What the kernel was asked for and has not answered: what a run that stands still waits for.
public struct Activity: Sendable, Equatable, Codable {
  /// What was asked, as an infinitive: "open for writing", "read".
  public var attempt: String
  /// Of which device or file; nil where none is concerned.
  public var device: String?
  /// Which bytes.
  public var range: ByteRange?

  init(_ attempt: String, on device: String? = nil, range: ByteRange? = nil) {
    self.attempt = attempt
    self.device = device
    self.range = range
  }
}

extension Activity: CustomStringConvertible {
  /// `write bytes 4096–8191 of /dev/loop3`.
  public var description: String {
    var text = attempt
    if let range { text += " \(range) of" }
    if let device { text += " \(PrintableText(device))" }
    return text
  }
}
