import SystemPackage

/// Finds what is remembered of the disks of two systems, by the recovery's alone: the primary's may be gone.
struct RelationshipSearch {
  private let request: RoleRequest
  private let book: BookBox

  /// Lets a book, which cannot be copied, be read from here.
  private final class BookBox {
    let book: StateBook<DirectoryStore>?
    init(_ book: consuming StateBook<DirectoryStore>?) { self.book = book }
  }

  init(_ request: RoleRequest) throws(ResyncError) {
    self.request = request
    guard let store = try DirectoryStore.ifPresent(at: FilePath(request.stateDirectory)) else {
      book = BookBox(nil)
      return
    }
    book = BookBox(StateBook(store))
  }

  /// What was found: a relationship, and how much of the systems' disks it has.
  struct Candidate {
    /// The request, with the systems in the roles that the disks have.
    var request: RoleRequest
    /// The relationship, its recoveries by the names that they have now.
    var state: RelationshipState
    /// How many of the recovery's disks are its recoveries.
    var common: Int
    /// Whether its run was the last that brought them in line.
    var isLatest: Bool
    /// Those that are not.
    var strangers: [String]
    /// Since when one of its recoveries is Inconsistent, by whatever run; nil where none is.
    var tornSince: Timestamp?

    /// The one that says something of the roles, then the one that has run, and last; then the one with the most of the
    /// disks, then the one with the fewest others.
    static func counts(_ one: Candidate, lessThan other: Candidate) -> Bool {
      one.rank.lexicographicallyPrecedes(other.rank)
    }

    private var rank: [Int] { [state.weight, isLatest ? 1 : 0, common, -state.pairs.count] }
  }

  /// The relationship.
  ///
  /// A configuration may have been exchanged before the roles were: then they are found the other way round. One that
  /// has got a disk more since the last run, or one less, is no hindrance.
  /// - Throws: 32775 where no run of them is remembered.
  func find() throws(ResyncError) -> Candidate {
    var found: [Candidate] = []
    var fault: ResyncError?
    for candidate in [request, request.turned] {
      do throws(ResyncError) {
        found += try candidates(candidate)
      } catch {
        fault = fault ?? error
      }
      // The other side may hang, and is looked at only where it must be.
      if found.contains(where: { $0.state.weight > 0 }) { break }
    }
    if var best = found.max(by: Candidate.counts) {
      best.tornSince = try book.book?.tornSince(best.state)
      return best
    }
    if let fault { throw fault }
    throw ResyncError(
      .invalidState, "find a run of", on: request.relationship,
      reason:
        "none from \(PrintableText(request.primary)) to \(PrintableText(request.recovery)) is remembered in "
        + "\(PrintableText(request.stateDirectory))",
      remedy: "name the directory with --state-dir; or bring the recovery in line first: "
        + CallContext.current.typed(.resync, on: .system(request.primary, relationship: nil)))
  }

  /// The relationships of its recoveries, by the names that they have now.
  private func candidates(_ request: RoleRequest) throws(ResyncError) -> [Candidate] {
    guard book.book != nil else { return [] }
    let disks = try namedRecoveries(request.pairs.map(\.recovery), to: "look at")
    guard let found = try book.book?.lookUp(disks.map(\.identity)) else { return [] }
    return found.relationships.compactMap { state in
      var named = state
      var common: [Int] = []
      for index in state.pairs.indices {
        guard let place = disks.firstIndex(where: { $0.identity == state.pairs[index].recovery.identity })
        else { continue }
        guard Self.isPrimary(request.pairs[place].primary, state.pairs[index].primary) else { return nil }
        named.pairs[index].recovery.path =
          disks[place].disk.name.canonical?.string ?? disks[place].disk.name.typed
        common.append(place)
      }
      let strangers = disks.indices.filter { !common.contains($0) }.map { disks[$0].disk.name.typed }
      guard !common.isEmpty else { return nil }
      let isLatest = state.pairs.allSatisfy { pair in
        guard let directions = found.disks[pair.recovery.identity]?.directions else { return true }
        return directions.last { $0.counterpart == pair.primary.identity }?.relationship == state.id
      }
      return Candidate(
        request: request, state: named, common: common.count, isLatest: isLatest, strangers: strangers)
    }
  }

  /// By the path that led to it then; where that is another, by what is permanent about it, if it is there.
  private static func isPrimary(_ path: String, _ disk: RelationshipState.Disk) -> Bool {
    if path == disk.path { return true }
    guard let found = try? namedRecoveries([path], to: "look at").first else { return true }
    return found.identity == disk.identity
  }
}

extension RelationshipState {
  /// How much it has to say of the roles of its disks.
  fileprivate var weight: Int {
    if failedOver != nil || reversal?.isPending == true { return 2 }
    switch consistency {
    case .settled(.never), .resynchronizing(_, before: .never): return reversal == nil ? 0 : 1
    case .settled, .resynchronizing, .applying: return 1
    }
  }
}

extension StateBook where Store: ~Copyable {
  /// Since when a recovery of the relationship is Inconsistent, by a run of its own pairs or of others; nil where none
  /// is.
  func tornSince(_ state: RelationshipState) throws(ResyncError) -> Timestamp? {
    for pair in state.pairs {
      if case .inconsistent(let left)? = try disk(pair.recovery.identity)?.state { return left.since }
    }
    return nil
  }
}
