public import SystemPackage

/// Why a run stopped: what was tried, on which device, what came back, and what to do next.
public struct ResyncError: Error, Sendable, Equatable, Codable {
  /// What came back: one case for each thing that a user can act on.
  public enum Cause: Sendable, Equatable, Codable {
    /// The kernel refused; at what moment decides what its errno means.
    case kernel(Errno, Moment)
    /// An option, a name or a combination that makes no sense.
    case invalidParameter
    /// A path that is of the wrong kind.
    case incorrectDataType
    /// Others than root may write where only root must.
    case accessDenied
    /// This storage or this host cannot do it.
    case notSupported
    /// Who uses a disk could not be found out.
    case statusUnknown
    /// Somebody uses the recovery.
    case inUse
    /// The primary is in use and no point in time of it can be had, or the disks do not fit each other.
    case invalidState
    /// The device went away, or is another than planned.
    case replaced
    /// Somebody else wrote to a disk during the run.
    case foreignWrite
    /// After the writes the recovery still differs.
    case mismatch
    /// Bytes were left out; a bug of ours.
    case incomplete
    /// A signal or a request ended the run.
    case terminated
    /// A device did not answer in time, or the run's time is over.
    case timedOut
  }

  /// When the kernel refused.
  public enum Moment: Sendable, Equatable, Codable {
    /// Opening or claiming a device.
    case open
    /// Making rings, buffers, loops.
    case setUp
    /// Reading, writing or flushing.
    case transfer
  }

  /// What came back.
  public let cause: Cause
  /// What was tried, as an infinitive: "open for writing".
  public let attempt: String
  /// The device's name; nil where none is concerned.
  public let device: String?
  /// Which device of the pair.
  public let side: Side?
  /// Which bytes.
  public let range: ByteRange?
  /// What was found, as a sentence without a full stop; nil where the cause says it all.
  public let reason: String?
  /// The one command or action to take next.
  public let remedy: String?

  /// Creates an error.
  public init(
    _ cause: Cause, _ attempt: String, on device: String? = nil, side: Side? = nil, range: ByteRange? = nil,
    reason: String? = nil, remedy: String? = nil
  ) {
    self.cause = cause
    self.attempt = attempt
    self.device = device
    self.side = side
    self.range = range
    self.reason = reason
    self.remedy = remedy
  }

  /// The errno, where the kernel refused.
  public var errno: Errno? {
    if case .kernel(let errno, _) = cause { return errno }
    return nil
  }
}
