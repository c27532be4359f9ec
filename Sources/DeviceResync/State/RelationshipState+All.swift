package import SystemPackage

extension RelationshipState {
  /// Every relationship that the state directory at `path` remembers; those that cannot be read as the reasons.
  package static func all(
    in path: FilePath
  ) throws(ResyncError) -> (states: [RelationshipState], faults: [ResyncError]) {
    guard let store = try DirectoryStore.ifPresent(at: path) else { return ([], []) }
    return try StateBook(store).relationships()
  }

  /// Whether its pairs were reached by these paths, in any order. Nothing is looked at.
  package func isOf(paths: [(primary: String, recovery: String)]) -> Bool {
    Set(paths.map { [$0.primary, $0.recovery] }) == Set(pairs.map { [$0.primary.path, $0.recovery.path] })
  }
}
