/// Whether the contents of a pair that no run is known of speak for the direction (DESIGN 3, Direction).
///
/// After the first run of a pair, content alone never refuses: the guest may write what it likes.
enum FirstRunGuard: Guard {
  static let name = "first run"
  static let protectsWritingOnly = true

  static func judge(_ facts: PairFacts) -> [GuardVerdict] {
    let request = facts.request
    guard request.operation == .resync else { return passed("nothing is written") }
    guard facts.isFirstRun else { return passed("it is not the first run of these two") }
    let (primary, recovery) = (facts.primary.content.marks, facts.recovery.content.marks)
    if facts.primary.isBlank, !recovery.isEmpty {
      if request.allowsBlankPrimary { return passed("the primary is blank, which --blank-primary allows") }
      return ask(
        facts, "the primary is blank, and the recovery is not: it holds \(facts.recovery.content.title)",
        option: "--blank-primary")
    }
    let ids = (primary: primary.filter(\.tellsApart), recovery: recovery.filter(\.tellsApart))
    if !ids.primary.isEmpty, !ids.recovery.isEmpty, ids.primary.isDisjoint(with: ids.recovery) {
      if request.acceptsContentChange || request.isInitial {
        return passed("the two hold different content, which was accepted")
      }
      return ask(
        facts,
        "this is their first run, and they do not look like one disk: the primary holds "
          + "\(facts.primary.content.title), the recovery \(facts.recovery.content.title)",
        option: "--accept-content-change")
    }
    return passed("nothing in their contents speaks against the direction")
  }

  /// On a terminal a question, which is answered by the recovery's name; else a refusal.
  private static func ask(_ facts: PairFacts, _ reason: String, option: String) -> [GuardVerdict] {
    guard facts.request.isInteractive else {
      return [
        refused(
          .invalidState, reason,
          remedy:
            "look at both again: \(CallContext.current.typed(.devices)); if the direction is right, run again with "
            + option)
      ]
    }
    var verdict = GuardVerdict.warning(name, reason)
    verdict.asks = true
    return [verdict]
  }
}

extension NamedDisk {
  /// Whether nothing is on it as far as a look tells: no signature, and its first and last MiB are zeros.
  fileprivate var isBlank: Bool {
    content.outcome == .probed && content.marks.isEmpty && content.container == nil && hasZeroEnds == true
  }
}

/// What a disk says of its content.
private struct ContentMark: Hashable {
  let type: String
  let id: String?

  /// Whether no other content says the same by chance.
  var tellsApart: Bool { id.map { $0.contains { $0 != "0" && $0 != "-" } } ?? false }
}

extension ProbedContent {
  fileprivate var marks: Set<ContentMark> {
    var marks = Set(signatures.map { ContentMark(type: $0.type.description, id: $0.uuid?.description) })
    if let table = partitionTable {
      marks.insert(ContentMark(type: "table", id: table.id?.description))
    }
    return marks
  }

  /// `gpt 5b0f…, ext4 "root" 3e6a…`.
  fileprivate var title: String {
    let table = partitionTable.map { table in
      ["\(table.type)", table.id.map { "\($0)" }].compactMap { $0 }.joined(separator: " ")
    }
    let others = signatures.map { signature in
      ["\(signature.type)", signature.label.map { "\"\($0)\"" }, signature.uuid.map { "\($0)" }]
        .compactMap { $0 }.joined(separator: " ")
    }
    return ([table].compactMap { $0 } + others).joined(separator: ", ")
  }
}
