import FoundationEssentials

// What `--progress json` writes: one object a line, told apart by `Event`.

/// One line of `--progress json`.
public struct ProgressLine: Sendable {
  private let object: Object

  /// A phase, progress, an error, a comparison's end, a commit, or what a run that stands still waits for.
  ///
  /// Nil for what is of no use to a reader: signs of life, and ranges, which have a file of their own.
  public init?(_ event: RunEvent) {
    switch event {
    case .phase(let phase, let pair): object = Object("phase", pair, phase)
    case .progress(let progress): object = Object(progress)
    case .differences(let bytes, let pair):
      var object = Object("differences", pair)
      object.bytesDifferent = bytes
      self.object = object
    case .error(let error, let pair):
      var object = Object("error", pair)
      object.error = ErrorReport(error)
      self.object = object
    case .committed(let bytes):
      var object = Object("committed")
      object.bytesToWrite = bytes
      self.object = object
    case .applied: object = Object("applied")
    case .ending: object = Object("ending")
    case .question(let question):
      var object = Object("question")
      object.text = question.text
      self.object = object
    case .activity(_, let waiting):
      guard !waiting.isEmpty else { return nil }
      var object = Object("waiting")
      object.waiting = waiting.map(Waiting.init)
      self.object = object
    case .ranges, .waiting, .pairs: return nil
    }
  }

  /// A text for people: the plan, what a signal does.
  public init(message: String) {
    var object = Object("message")
    object.text = message
    self.object = object
  }

  /// The line, with its newline.
  public var text: String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    do {
      return String(decoding: try encoder.encode(object), as: UTF8.self) + "\n"
    } catch {
      // Strings, integers and finite numbers always have a JSON form.
      preconditionFailure("an event cannot be written as JSON: \(error)")
    }
  }
}

private struct Object: Encodable, Sendable {
  let event: String
  var pair: Int?
  var pairs: Int?
  var working: [Int]?
  var phase: RunPhase?
  var percentComplete: Int?
  var bytesDone: UInt64?
  var bytesTotal: UInt64?
  var pairBytesDone: UInt64?
  var pairBytesTotal: UInt64?
  var bytesDifferent: UInt64?
  var bytesToWrite: UInt64?
  var bytesWritten: UInt64?
  var seconds: Double?
  var secondsWaiting: Double?
  var error: ErrorReport?
  var text: String?
  var waiting: [Waiting]?

  enum CodingKeys: String, CodingKey {
    case event = "Event", pair = "Pair", pairs = "Pairs", working = "PairsAtOnce"
    case phase = "Phase", percentComplete = "PercentComplete"
    case bytesDone = "BytesDone", bytesTotal = "BytesTotal", pairBytesDone = "PairBytesDone"
    case pairBytesTotal = "PairBytesTotal", bytesDifferent = "BytesDifferent", bytesToWrite = "BytesToWrite"
    case bytesWritten = "BytesWritten", seconds = "Seconds", secondsWaiting = "SecondsWaiting"
    case error = "Error", text = "Text", waiting = "Waiting"
  }

  init(_ event: String, _ pair: Int? = nil, _ phase: RunPhase? = nil) {
    self.event = event
    self.pair = pair
    self.phase = phase
  }

  init(_ progress: RunProgress) {
    self.init("progress", progress.pair, progress.phase)
    func rounded(_ seconds: Double) -> Double { (seconds * 1000).rounded() / 1000 }
    pairs = progress.pairs
    if progress.working.count > 1 { working = progress.working }
    percentComplete = progress.percent
    bytesDone = progress.callDone
    bytesTotal = progress.callTotal
    pairBytesDone = progress.pairDone
    pairBytesTotal = progress.pairTotal
    bytesDifferent = progress.bytesDifferent
    bytesWritten = progress.bytesWritten
    seconds = rounded(progress.seconds)
    secondsWaiting = rounded(progress.secondsWaiting)
  }
}

/// What was asked of the kernel and is not answered, in the keys that an error has.
private struct Waiting: Encodable, Sendable {
  let activity: Activity

  enum CodingKeys: String, CodingKey {
    case attempt = "Attempt", device = "Device", offset = "Offset", length = "Length"
  }

  func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(activity.attempt, forKey: .attempt)
    try container.encode(activity.device, forKey: .device)
    try container.encode(activity.range?.offset, forKey: .offset)
    try container.encode(activity.range?.length, forKey: .length)
  }

  init(_ activity: Activity) { self.activity = activity }
}
