import SystemPackage

extension StagedRun {
  /// Removes a staging file, durably; one that is not there is none the worse.
  static func removeStaging(_ store: borrowing DirectoryStore, _ name: String) throws(ResyncError) {
    try attempt("remove the staging file", on: name, .setUp) { () throws(Errno) in
      do throws(Errno) {
        try store.staging.remove(name)
      } catch .noSuchFileOrDirectory {
        return
      }
    }
  }

  /// Removes the staging file that an earlier commit left.
  static func remove(
    _ leftover: StagingPlace, _ store: borrowing DirectoryStore
  ) throws(ResyncError) {
    if let name = FilePath(leftover.path).lastComponent?.string { try removeStaging(store, name) }
  }

  /// Reads a staging file whole, and sees whether it is what was committed.
  static func validate(
    _ store: borrowing DirectoryStore, _ name: String, _ expecting: StagingExpectation, _ engine: Engine,
    _ control: RunControl
  ) throws(ResyncError) -> ValidatedStaging {
    let file = try openStaging(store, name)
    let size = try attempt("look at", on: name, .setUp) { () throws(Errno) in try FileStatus(of: file).size }
    var queue = try attempt("make a queue for", on: name, .setUp) { () throws(Errno) in
      try DiskQueue(primary: file, recovery: file, geometry: StagingFormat.geometry(), engine: engine)
    }
    return try validateStaging(
      through: &queue, size: size, name: name, expecting: expecting, control: control)
  }

  static func openStaging(
    _ store: borrowing DirectoryStore, _ name: String
  ) throws(ResyncError) -> OwnedDescriptor {
    try attempt("open the staging file", on: name, .open) { () throws(Errno) in
      let file = try store.staging.opening(name, [.readOnly])
      try file.makeBlocking()
      try file.makeDirect()
      return file
    }
  }

  /// Removes staging files that no relationship names: their run had ended, and was killed before it removed them.
  ///
  /// A run's state names its file before it is made, so that no living run's is among them.
  static func sweep(_ book: borrowing StateBook<DirectoryStore>) throws(ResyncError) {
    let names = try attempt("list the staging files in", on: book.store.path.string, .setUp) {
      () throws(Errno) in
      try book.store.staging.names()
    }
    guard !names.isEmpty else { return }
    let (states, faults) = try book.relationships()
    // A record that cannot be read may name any of them.
    guard faults.isEmpty else { return }
    let known = Set(states.flatMap { $0.consistency.runs.map(\.stagingName) })
    let forgotten = names.filter { UniqueID($0) != nil && !known.contains($0) }
    guard !forgotten.isEmpty else { return }
    // The run that ended may have been killed before its last state was on stable storage: first that, then this.
    try book.store.synchronize(.states)
    for name in forgotten { try removeStaging(book.store, name) }
  }
}

extension Consistency {
  /// The runs whose staging files it needs: beside the one that works on it, the one whose commit was given up before.
  fileprivate var runs: [RunRecord] {
    switch self {
    case .resynchronizing(let run, .inconsistent(let left)): [run, left.run]
    case .resynchronizing(let run, _), .applying(let run, _): [run]
    case .settled(.inconsistent(let left)): [left.run]
    case .settled: []
    }
  }
}
