import SystemPackage

/// What a change of roles would do: a value that was read from the disks' records.
public struct RolePlan: Sendable {
  /// What was asked for; its systems are the relationship's, as the disks' records have them.
  let request: RoleRequest
  /// The relationship, with its recoveries by the names that they have now.
  let relationship: RelationshipState
  /// The recovery's disks that take no part in it: the configuration has them, and the last run had not.
  let strangers: [String]
  /// Why there is nothing to do; nil where there is.
  fileprivate(set) var done: String?
  /// What a person must type before it is done.
  fileprivate(set) var questions: [RunQuestion] = []

  /// How messages and commands name `system` of it.
  func words(_ system: String) -> RelationshipWords {
    RelationshipWords(
      system: system, relationship: request.needsName ? request.relationship : nil,
      configuration: request.configuration)
  }

  /// The command that brings the other one in line with `primary`.
  func resync(_ primary: String) -> String { CallContext.current.typed(.resync, of: words(primary)) }
}

/// Looks for the relationship by its recoveries, and judges: nothing is made, changed or opened for writing.
///
/// - Throws: 32775 with the way on where the change must not be made.
public func makeRolePlan(_ request: RoleRequest) throws(ResyncError) -> RolePlan {
  let found = try RelationshipSearch(request).find()
  let relationship = found.state
  let plan = RolePlan(request: found.request, relationship: relationship, strangers: found.strangers)
  switch request.change {
  case .failOver:
    if let mark = relationship.failedOver { return plan.finished("is failed over since \(mark.at) already") }
    let isAsIs = try plan.checkFailover(
      relationship, tornSince: found.tornSince, isAsIsAgreed: request.isAsIs)
    return isAsIs ? plan.asking(plan.asIsQuestion) : plan
  case .revertFailover:
    return relationship.failedOver == nil ? plan.finished("is not failed over: nothing was changed") : plan
  case .reverse: return try plan.checkReverse()
  }
}

extension RolePlan {
  fileprivate func finished(_ what: String) -> RolePlan {
    var plan = self
    plan.done = "\(PrintableText(request.recovery)) \(what)"
    return plan
  }

  fileprivate func asking(_ question: RunQuestion) -> RolePlan {
    var plan = self
    plan.questions = [question]
    return plan
  }

  fileprivate var asIsQuestion: RunQuestion {
    RunQuestion(
      "\(PrintableText(request.recovery)) is Inconsistent: old and new blocks are mixed on "
        + "\(relationship.recoveryNames). Its file systems may be damaged beyond what can be seen. It is given up "
        + "as it is, which is recorded.", typing: request.recovery)
  }

  func refusal(_ attempt: String, _ reason: String, _ remedy: String) -> ResyncError {
    ResyncError(
      .invalidState, attempt, on: request.recovery, side: .recovery, reason: reason, remedy: remedy)
  }

  /// Whether the recoveries may be called live.
  ///
  /// - Parameters:
  ///   - tornSince: since when one of them is Inconsistent by its own record, whatever run it was; nil where none is.
  ///   - isAsIsAgreed: whether they may be.
  /// - Returns: whether they are, and nothing but giving them up is left.
  func checkFailover(
    _ state: RelationshipState, tornSince: Timestamp?, isAsIsAgreed: Bool
  ) throws(ResyncError) -> Bool {
    if let reversal = state.reversal, reversal.isPending {
      throw refusal(
        "fail over to", "the reverse of \(reversal.at) was stopped",
        "finish it: \(CallContext.current.typed(.reverse, of: reversal.words))")
    }
    switch state.consistency {
    case .settled(let settled), .resynchronizing(_, let settled):
      switch settled {
      case .consistent, .fuzzy:
        guard let tornSince, !isAsIsAgreed else { return tornSince != nil }
        throw inconsistent(state, since: tornSince)
      case .never: throw neverResynchronized
      case .inconsistent(let left):
        guard !isAsIsAgreed else { return true }
        // A commit that was given up may be finished after all.
        if left.seal != nil { return false }
        throw inconsistent(state, since: left.since)
      }
    case .applying: return false
    }
  }

  private var neverResynchronized: ResyncError {
    refusal(
      "fail over to", "no run from \(PrintableText(request.primary)) to it has completed",
      "bring it in line first: \(resync(request.primary))")
  }

  /// What cannot be started, and every way out.
  func inconsistent(_ state: RelationshipState, since time: Timestamp) -> ResyncError {
    var ways = ["finish what was stopped: \(state.repair)"]
    if state.recoveryPoint != nil { ways.append("or go back: \(state.rollback)") }
    ways.append(
      "or, as old and new blocks mixed: \(CallContext.current.typed(.failover, "--as-is", of: words(request.recovery)))"
    )
    return refusal(
      "fail over to", "it is Inconsistent since \(time): old and new blocks are mixed",
      ways.joined(separator: "; "))
  }

  fileprivate func checkReverse() throws(ResyncError) -> RolePlan {
    guard relationship.failedOver != nil else {
      guard let reversal = relationship.reversal else {
        throw refusal(
          "exchange the roles of \(PrintableText(request.primary)) and",
          "it is not failed over: nobody has said that it is live",
          "first: \(CallContext.current.typed(.failover, of: words(request.recovery)))")
      }
      // Stopped half-way, or the record of the systems' names is gone: it is done to its end.
      if reversal.isPending || !isRecorded { return self }
      throw refusal(
        "exchange the roles of \(PrintableText(request.primary)) and",
        "since \(reversal.at) it is the recovery, and it is not failed over",
        "first: \(CallContext.current.typed(.failover, of: words(request.recovery)))")
    }
    if let writer = request.primaryWriter {
      throw refusal(
        "exchange the roles of \(PrintableText(request.primary)) and",
        "\(PrintableText(request.primary)) is the recovery of relationship '\(PrintableText(writer))' too: both "
          + "would write it",
        "reverse that first, or say enabled = false there")
    }
    guard Set(relationship.pairs.map(\.primary.identity)).count == relationship.pairs.count else {
      throw refusal(
        "exchange the roles of \(PrintableText(request.primary)) and",
        "one of its disks is mirrored on several of the recovery's", "begin anew with other disks")
    }
    return self
  }

  /// Whether the systems' names are on record as the disks' records have them.
  private var isRecorded: Bool {
    let found = try? RelationshipRoles.read(of: [request.relationship], in: request.stateDirectory)
    return found?.contains { $0.primary == request.primary && $0.recovery == request.recovery } ?? false
  }
}

extension RolePlan {
  /// For people: who is READ and who is WRITTEN from then on, and what is lost.
  var text: String {
    var lines = [
      "  relation \(PrintableText(request.relationship)): \(PrintableText(request.primary)) -> "
        + "\(PrintableText(request.recovery))"
    ]
    lines.append("  state    \(relationship.consistency.title)")
    if let mark = relationship.failedOver { lines.append("  since    failed over at \(mark.at)") }
    lines += strangers.map {
      "  note     \(PrintableText($0)) takes no part in it: no run has brought it in line"
    }
    switch request.change {
    case .failOver: break
    case .revertFailover:
      for pair in relationship.pairs { lines.append("  recovery \(PrintableText(pair.recovery.path))") }
      lines.append(
        "  note     what \(PrintableText(request.recovery)) has written since is lost: the next resync of "
          + "\(PrintableText(request.primary)) overwrites it")
    case .reverse: lines += reverseLines
    }
    return lines.joined(separator: "\n") + "\n"
  }

  private var reverseLines: [String] {
    let isTurned = relationship.failedOver == nil
    var lines: [String] = []
    for pair in relationship.pairs {
      let (read, written) = isTurned ? (pair.primary, pair.recovery) : (pair.recovery, pair.primary)
      lines.append("  read     \(PrintableText(read.path)), \(ByteCount(read.size)), from now on")
      lines.append("  WRITTEN  \(PrintableText(written.path)), \(ByteCount(written.size)), from now on")
    }
    lines.append("  note     nothing is read or written by this; the next resync does it")
    if let point = relationship.recoveryPoint {
      lines.append("  point    the \(point.title) is given up")
    }
    return lines
  }
}
