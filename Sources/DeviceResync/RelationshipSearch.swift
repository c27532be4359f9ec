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

  /// The relationship, and the request with the systems in the roles that the disks have.
  ///
  /// A configuration may have been exchanged before the roles were: then they are found the other way round.
  /// - Throws: 32775 where no run of them is remembered.
  func find() throws(ResyncError) -> (RoleRequest, RelationshipState) {
    var found: [(request: RoleRequest, state: RelationshipState)] = []
    var fault: ResyncError?
    for candidate in [request, request.turned] {
      do throws(ResyncError) {
        found += try states(candidate).map { (candidate, $0) }
      } catch {
        fault = fault ?? error
      }
      // The other side may hang, and is looked at only where it must be.
      if found.contains(where: { $0.state.weight > 0 }) { break }
    }
    if let best = found.max(by: { $0.state.weight < $1.state.weight }) { return best }
    if let fault { throw fault }
    throw ResyncError(
      .invalidState, "find a run of", on: request.relationship,
      reason:
        "none from \(PrintableText(request.primary)) to \(PrintableText(request.recovery)) is remembered in "
        + "\(PrintableText(request.stateDirectory))",
      remedy: "name the directory with --state-dir; or bring the recovery in line first: vmresync resync "
        + "\(ShellWord(request.primary))")
  }

  /// The relationships of just these recoveries, by the names that they have now.
  private func states(_ request: RoleRequest) throws(ResyncError) -> [RelationshipState] {
    guard book.book != nil else { return [] }
    let disks = try namedRecoveries(request.pairs.map(\.recovery), to: "look at")
    let identities = disks.map(\.identity)
    guard let relationships = try book.book?.lookUp(identities).relationships else { return [] }
    var known: [PersistentIdentity]??
    return relationships.compactMap { state in
      guard state.pairs.map(\.recovery.identity) == identities else { return nil }
      // By the path that led to it then; where that is another, by what is permanent about it, if it is there.
      if state.pairs.map(\.primary.path) != request.pairs.map(\.primary) {
        if known == nil {
          known = .some(try? namedRecoveries(request.pairs.map(\.primary), to: "look at").map(\.identity))
        }
        if let primaries = known ?? nil, primaries != state.pairs.map(\.primary.identity) { return nil }
      }
      var named = state
      for index in named.pairs.indices {
        named.pairs[index].recovery.path =
          disks[index].disk.name.canonical?.string ?? disks[index].disk.name.typed
      }
      return named
    }
  }
}

extension RelationshipState {
  /// How much it has to say of the roles of its disks.
  fileprivate var weight: Int {
    if failedOver != nil || reversal?.isPending == true { return 3 }
    if reversal != nil { return 2 }
    if case .settled(.never) = consistency { return 0 }
    return 1
  }
}
