import SystemPackage

/// A directory in which staging files lie, held open: that of the state directory, or one of `--staging-dir`.
///
/// It is root's alone, and so is each file (DESIGN 6); no link is followed, on the way to it or in it.
struct StagingDirectory: ~Copyable, Sendable {
  /// Where it is, for records and messages.
  let path: FilePath
  private let directory: PrivateDirectory

  private init(_ path: FilePath, _ directory: consuming PrivateDirectory) {
    self.path = path
    self.directory = directory
  }

  /// The same, for another thread.
  func duplicate() throws(ResyncError) -> StagingDirectory {
    let directory = try attempt("open", on: path.string, .setUp) { () throws(Errno) in
      PrivateDirectory(try self.directory.descriptor.duplicate())
    }
    return StagingDirectory(path, directory)
  }

  /// The one in the state directory.
  init(of store: borrowing DirectoryStore) throws(ResyncError) {
    let path = store.path.appending("staging")
    let directory = try attempt("open", on: path.string, .setUp) { () throws(Errno) in
      PrivateDirectory(try store.staging.descriptor.duplicate())
    }
    self.init(path, directory)
  }

  /// The folder `vmresync` in the directory at `place`, which is made; `place` itself too, but not its parents.
  ///
  /// - Throws: 32769 where somebody else than root may write on the way; 32779 where a parent is missing.
  init(in place: FilePath) throws(ResyncError) {
    let place = place.isAbsolute ? place : workingDirectory().pushing(place)
    let parent = try DirectoryStore.walk(to: place, making: true)
    let directory = try DirectoryStore.child("vmresync", of: parent, place, true)
    self.init(place.appending("vmresync"), directory)
  }

  /// Where an unfinished run's file lies.
  ///
  /// Whether it is the file is for its header and its seal to say: a file system's name may change with its device's
  /// number.
  init(of file: StagingPlace, _ store: borrowing DirectoryStore) throws(ResyncError) {
    let place = FilePath(file.path).removingLastComponent()
    if place == store.path.appending("staging") {
      self = try StagingDirectory(of: store)
    } else {
      let directory = try DirectoryStore.walk(to: place, making: false)
      self.init(place, directory)
    }
  }

  /// Where the file `name` is, for the state's record.
  func place(_ name: String) throws(ResyncError) -> StagingPlace {
    StagingPlace(path: path.appending(name).string, fileSystem: try fileSystem())
  }

  /// What outlives a reboot of its file system's name.
  private func fileSystem() throws(ResyncError) -> String {
    try attempt("look at", on: path.string, .setUp) { () throws(Errno) in
      try FileSystemIdentity(of: directory.descriptor)
    }.text ?? "unknown"
  }

  /// Fails where it is gone after a reboot, or lies on a disk that takes part.
  func check(beside disks: [NamedDisk]) throws(ResyncError) {
    try directory.checkPlace("stage differences in", path, beside: disks, option: "--staging-dir")
  }
}

extension StagingDirectory {
  /// Makes the file `name` and begins it.
  func begin(
    _ header: StagingHeader, _ name: String, _ engine: Engine
  ) throws(ResyncError) -> StagingWriter<DiskQueue> {
    try StagingWriter.create(header, in: directory.descriptor, name: name, engine: engine)
  }

  /// Opens the file `name` of a stopped run, to go on behind its checkpoint; what follows that is cut off.
  ///
  /// - Parameter take: is given every record and every chunk before the checkpoint.
  /// - Throws: 32775 where it is not what the checkpoint says, and what the file system says; nothing is cut then.
  func resume(
    _ header: StagingHeader, _ name: String, _ checkpoint: StagedMark, _ engine: Engine,
    _ control: RunControl,
    _ take: (StagedEntry) throws(ResyncError) -> Void
  ) throws(ResyncError) -> StagingWriter<DiskQueue> {
    let file = try open(name)
    let prefix = try readPrefix(header, name, file, checkpoint, engine, control, takesFigures: false, take)
    return try StagingWriter.resume(header, in: directory.descriptor, name: name, prefix, engine: engine)
  }

  /// Opens the file `name` of a stopped run that knows what differs and had no room for all of it.
  ///
  /// - Parameter take: is given every record and every chunk.
  /// - Throws: as ``resume(_:_:_:_:_:_:)``.
  func known(
    _ header: StagingHeader, _ name: String, _ checkpoint: StagedMark, _ engine: Engine,
    _ control: RunControl, _ take: (StagedEntry) throws(ResyncError) -> Void
  ) throws(ResyncError) -> KnownDifferences {
    let file = try open(name)
    _ = try readPrefix(header, name, file, checkpoint, engine, control, takesFigures: true, take)
    return KnownDifferences(file, header, upTo: checkpoint.length, name: name, engine, control)
  }

  private func readPrefix(
    _ header: StagingHeader, _ name: String, _ file: borrowing OwnedDescriptor, _ checkpoint: StagedMark,
    _ engine: Engine, _ control: RunControl, takesFigures: Bool,
    _ take: (StagedEntry) throws(ResyncError) -> Void
  ) throws(ResyncError) -> StagingPrefix {
    let found = try self.header(of: name)
    try refusing(name) { () throws(StagingFault) in
      try StagingExpectation(header: header, seal: nil).check(found)
      guard found.segmentSize == header.segmentSize else { throw .malformed(.header) }
    }
    let size = try attempt("look at", on: name, .setUp) { () throws(Errno) in try FileStatus(of: file).size }
    var queue = try attempt("make a queue for", on: name, .setUp) { () throws(Errno) in
      try DiskQueue(primary: file, recovery: file, geometry: StagingFormat.geometry(), engine: engine)
    }
    return try readStaging(
      header, through: &queue, size: size, name: name, upTo: checkpoint, takesFigures: takesFigures,
      control: control, take)
  }

  /// Opens the file `name` for direct reading.
  func open(_ name: String) throws(ResyncError) -> OwnedDescriptor {
    try attempt("open the staging file", on: name, .open) { () throws(Errno) in
      let file = try directory.opening(name, [.readOnly])
      try file.makeBlocking()
      try file.makeDirect()
      return file
    }
  }

  /// Reads the file `name` whole, and sees whether it is what was committed.
  func validate(
    _ name: String, _ expecting: StagingExpectation, _ engine: Engine, _ control: RunControl
  ) throws(ResyncError) -> ValidatedStaging {
    let file = try open(name)
    let size = try attempt("look at", on: name, .setUp) { () throws(Errno) in try FileStatus(of: file).size }
    var queue = try attempt("make a queue for", on: name, .setUp) { () throws(Errno) in
      try DiskQueue(primary: file, recovery: file, geometry: StagingFormat.geometry(), engine: engine)
    }
    return try validateStaging(
      through: &queue, size: size, name: name, expecting: expecting, control: control)
  }

  /// What the file `name` says of itself; nothing of it is believed yet.
  func header(of name: String) throws(ResyncError) -> StagingHeader {
    let bytes = try attempt("read the staging file", on: name, .setUp) { () throws(Errno) in
      try directory.opening(name, [.readOnly]).read(StagingFormat.segmentSize, at: 0)
    }
    return try refusing(name) { () throws(StagingFault) in
      let length = try bytes.withRawSpan { (span) throws(StagingFault) in try StagingHeader.length(from: span)
      }
      guard length <= bytes.count else { throw .wrongSize }
      return try bytes.withRawSpan { (span) throws(StagingFault) in
        try StagingHeader(decoding: span.extracting(first: length))
      }
    }
  }

  /// Removes the file `name`, durably; one that is not there is none the worse.
  func remove(_ name: String) throws(ResyncError) {
    try attempt("remove the staging file", on: path.appending(name).string, .setUp) { () throws(Errno) in
      do throws(Errno) {
        try directory.remove(name)
      } catch .noSuchFileOrDirectory {
        return
      }
    }
  }

  /// Removes files that no relationship of the book names: their run had ended, and was killed before it removed
  /// them.
  ///
  /// A run's state names its file before it is made, so that no living run's is among them.
  func sweep(_ book: borrowing StateBook<DirectoryStore>) throws(ResyncError) {
    let names = try attempt("list the staging files in", on: path.string, .setUp) { () throws(Errno) in
      try directory.names()
    }
    guard !names.isEmpty else { return }
    let (states, faults) = try book.relationships()
    // A record that cannot be read may name any of them.
    guard faults.isEmpty else { return }
    let known = Set(states.flatMap(\.stagingNames))
    var forgotten = names.filter { UniqueID($0) != nil && !known.contains($0) }
    if path != book.store.path.appending("staging") {
      // Other state directories may keep theirs here.
      let ours = Set(states.map(\.id.bits))
      forgotten.removeAll { name in
        guard let header = try? header(of: name) else { return true }
        return !ours.contains(header.relationship)
      }
    }
    guard !forgotten.isEmpty else { return }
    // The run that ended may have been killed before its last state was on stable storage: first that, then this.
    try book.store.synchronize(.states)
    for name in forgotten { try remove(name) }
  }

  /// Removes the file at `place`, of which nothing is needed any more; where it cannot be reached it is left to a
  /// later sweep.
  static func drop(_ place: StagingPlace, _ store: borrowing DirectoryStore) throws(ResyncError) {
    guard let name = FilePath(place.path).lastComponent?.string,
      let directory = try? StagingDirectory(of: place, store)
    else { return }
    try directory.remove(name)
  }
}

extension RunRecord {
  /// What the run's staging file is called.
  var stagingName: String { "\(id)" }
}

extension RelationshipState {
  /// What its files are called: of its runs, and of what is kept to go back by.
  fileprivate var stagingNames: [String] {
    let runs = consistency.stagingRuns
    let points = runs.map(\.point) + [recoveryPoint?.files]
    return runs.map(\.stagingName) + points.compactMap { $0.map { "\($0.id)" } }
  }
}

extension Consistency {
  /// The runs whose staging files it needs: beside the one that works on it, the one whose commit was given up before.
  fileprivate var stagingRuns: [RunRecord] {
    switch self {
    case .resynchronizing(let run, .inconsistent(let left)): [run, left.run]
    case .resynchronizing(let run, _), .applying(let run, _): [run]
    case .settled(.inconsistent(let left)): [left.run]
    case .settled: []
    }
  }
}
