public import DeviceResync
import SystemPackage

/// What a job is to do: `order.json`.
public struct JobOrder: Sendable, Codable {
  var formatVersion = RecordFormat.version
  /// The run; nobody can answer questions then.
  public var request: RunRequest
  /// How long it may take.
  public var limits: RunLimits

  enum CodingKeys: String, CodingKey {
    case formatVersion = "FormatVersion"
    case request = "Request"
    case limits = "Limits"
  }

  init(_ request: RunRequest, _ limits: RunLimits) {
    self.request = request
    self.request.isInteractive = false
    // Another process runs it, which works in another directory.
    func absolute(_ path: String) -> String {
      path.hasPrefix("/") ? path : workingDirectory().pushing(FilePath(path)).string
    }
    self.request.pairs = request.pairs.map {
      RunRequest.Pair(primary: absolute($0.primary), recovery: absolute($0.recovery))
    }
    self.request.stateDirectory = absolute(request.stateDirectory)
    self.request.stagingDirectory = request.stagingDirectory.map(absolute)
    self.limits = limits
  }
}

/// How far a job is: `progress.json`.
public struct JobProgress: Sendable, Codable {
  var formatVersion = RecordFormat.version
  /// 0 to 99: 100 is a good end.
  public var percentComplete: UInt16
  /// The phase, as text.
  public var status: String
  /// What a display is made from; nil before anything was compared.
  public var progress: RunProgress?

  enum CodingKeys: String, CodingKey {
    case formatVersion = "FormatVersion"
    case percentComplete = "PercentComplete"
    case status = "JobStatus"
    case progress = "Progress"
  }
}
