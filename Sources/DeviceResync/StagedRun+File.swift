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
    _ store: borrowing DirectoryStore, _ name: String, _ expecting: StagingExpectation, _ control: RunControl
  ) throws(ResyncError) -> ValidatedStaging {
    let file = try openStaging(store, name)
    let size = try attempt("look at", on: name, .setUp) { () throws(Errno) in try FileStatus(of: file).size }
    var queue = try attempt("make a ring for", on: name, .setUp) { () throws(Errno) in
      try RingQueue(primary: file, recovery: file, geometry: StagingFormat.geometry())
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
    let known = Set(states.compactMap { $0.consistency.run?.stagingName })
    for name in names where UniqueID(name) != nil && !known.contains(name) {
      try removeStaging(book.store, name)
    }
  }
}
