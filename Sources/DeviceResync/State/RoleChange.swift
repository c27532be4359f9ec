/// How commands name a relationship, for messages; nothing is decided by it.
public struct RelationshipWords: Sendable, Hashable, Codable {
  /// The system that is named.
  public var system: String
  /// The relationship, where the system takes part in several.
  public var relationship: String?
  /// The configuration that has them; nil for the usual one.
  public var configuration: String?

  /// Creates the words.
  public init(system: String, relationship: String? = nil, configuration: String? = nil) {
    self.system = system
    self.relationship = relationship
    self.configuration = configuration
  }

  enum CodingKeys: String, CodingKey {
    case system = "System"
    case relationship = "RelationshipName"
    case configuration = "ConfigurationFile"
  }

  /// Most bytes of a name.
  static let longest = 1024

  /// Whether it can be the name of a system or a relationship.
  static func isName(_ text: String) -> Bool {
    (1...longest).contains(text.utf8.count) && !text.utf8.contains(0)
  }

  /// What makes no sense in it; nil where all does.
  var fault: String? {
    guard Self.isName(system), relationship.map(Self.isName) != false else {
      return "a system's name is empty or too long"
    }
    guard let configuration else { return nil }
    let isPath = (1...4096).contains(configuration.utf8.count) && !configuration.utf8.contains(0)
    return isPath ? nil : "a configuration's path is empty or too long"
  }
}

extension CallContext {
  /// A command that names a relationship by a system of it, after `options`.
  package func typed(_ command: CommandName, _ options: String..., of words: RelationshipWords) -> String {
    var context = self
    // The file in which it was known by that name.
    if let recorded = words.configuration { context.configuration = recorded }
    let name = words.relationship.map { ["--relationship", $0] } ?? []
    return context.line(command, options + [words.system] + name, isConfigured: true)
  }
}

/// That the recovery of a relationship is live, or is about to be: until a person says otherwise nothing writes it
/// (DESIGN 5, promise 10).
public struct FailedOver: Sendable, Hashable, Codable {
  /// Since when.
  public var at: Timestamp
  /// Whether it was given up as it was: Inconsistent, old and new blocks mixed.
  public var isAsIs: Bool
  /// Which it is.
  public var words: RelationshipWords

  /// Creates a mark.
  public init(at: Timestamp, isAsIs: Bool, words: RelationshipWords) {
    self.at = at
    self.isAsIs = isAsIs
    self.words = words
  }

  enum CodingKeys: String, CodingKey {
    case at = "At"
    case isAsIs = "AsIs"
    case words = "Words"
  }
}

/// That primary and recovery of a relationship have changed roles: its pairs name each by what it is now.
public struct Reversal: Sendable, Hashable, Codable {
  /// When they did.
  public var at: Timestamp
  /// Whether what goes with it is not known to be written: the disks' directions, the systems' roles.
  ///
  /// Nothing writes any of the disks until it is.
  public var isPending: Bool
  /// Which it is.
  public var words: RelationshipWords

  /// Creates a reversal.
  public init(at: Timestamp, isPending: Bool, words: RelationshipWords) {
    self.at = at
    self.isPending = isPending
    self.words = words
  }

  enum CodingKeys: String, CodingKey {
    case at = "At"
    case isPending = "Pending"
    case words = "Words"
  }
}

extension RelationshipState {
  /// What makes no sense in its roles; nil where all does.
  var rolesFault: String? {
    if let fault = failedOver?.words.fault ?? reversal?.words.fault { return fault }
    if let failedOver {
      guard case .settled(let settled) = consistency, settled != .never else {
        return "it is failed over, and \(consistency.name)"
      }
      if case .inconsistent = settled, !failedOver.isAsIs { return "it is failed over, and Inconsistent" }
    }
    if reversal?.isPending == true, failedOver != nil || consistency != .settled(.never) {
      return "its roles are being exchanged, and it is \(consistency.name)"
    }
    return nil
  }

  /// Why nothing may write `recovery` from `primary` for what this relationship's roles are; nil where that is none of
  /// its concern.
  func refusal(toWrite recovery: Disk, from primary: Disk?) -> ResyncError? {
    func refusal(_ reason: String, _ remedy: String) -> ResyncError {
      ResyncError(
        .invalidState, "write", on: recovery.path, side: .recovery, reason: reason, remedy: remedy)
    }
    if let reversal, reversal.isPending, identities.contains(recovery.identity) {
      return refusal(
        "the reverse of \(reversal.at) was stopped",
        "finish it: \(CallContext.current.typed(.reverse, of: reversal.words))")
    }
    guard let failedOver else { return nil }
    let mark = "since \(failedOver.at)\(failedOver.isAsIs ? " (as it was, Inconsistent)" : "")"
    let ways =
      "to keep what it holds now: \(CallContext.current.typed(.reverse, of: failedOver.words)); "
      + "to let it be overwritten: "
      + CallContext.current.typed(.failover, "--revert", of: failedOver.words)
    if has(recovery.identity, as: .recovery) { return refusal("it is failed over \(mark)", ways) }
    if let primary,
      pairs.contains(where: {
        $0.primary.identity == recovery.identity && $0.recovery.identity == primary.identity
      })
    {
      return refusal("\(PrintableText(primary.path)) is its recovery, and failed over \(mark)", ways)
    }
    // After a restart a disk that has nothing of its own is not known again (PITFALLS A10).
    guard pairs.contains(where: { $0.recovery.isNamesakeOfFormerBoot(recovery) }) else { return nil }
    return refusal(
      "it is failed over \(mark), if it is the disk that had this path before the host started again",
      "look at it; if it is not: move away states/\(id).json in the state directory")
  }
}

extension RelationshipState {
  /// Primary and recovery change roles: what was known of the recovery is of its former one.
  mutating func exchangeRoles() {
    pairs = pairs.map { Pair(primary: $0.recovery, recovery: $0.primary) }
    consistency = .settled(.never)
    completed = []
    failedOver = nil
    replacePoint(by: nil)
  }
}

extension RelationshipState.Disk {
  /// Whether `other`, which is seen now, may be this one, which was known in a former boot only (PITFALLS A10).
  func isNamesakeOfFormerBoot(_ other: Self) -> Bool {
    guard let boot = identity.boot, boot != other.identity.boot else { return false }
    return path == other.path && size == other.size
  }
}

extension [RelationshipState] {
  /// Why nothing may write the recoveries of `pairs`, by the first that is live; nil where none is.
  func refusal(toWrite pairs: [RelationshipState.Pair]) -> ResyncError? {
    for pair in pairs {
      if let refusal = lazy.compactMap({ $0.refusal(toWrite: pair.recovery, from: pair.primary) }).first {
        return refusal
      }
    }
    return nil
  }
}

extension RememberedDisks {
  /// The same, with what a restart of the host has made unrecognizable.
  func refusal(toWrite pairs: [RelationshipState.Pair]) -> ResyncError? {
    (relationships + unrecognizable).refusal(toWrite: pairs)
  }
}
