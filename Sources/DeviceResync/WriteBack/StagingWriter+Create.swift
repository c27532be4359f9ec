import SystemPackage

extension StagingWriter where Queue == DiskQueue {
  /// Makes the file `name` below `directory`: new, root's alone, with a name that survives a crash.
  ///
  /// - Parameter reserve: bytes of the file system that stay free; nil for the larger of 2 GiB and 10 % of
  ///   it.
  /// - Throws: `EEXIST` where the name is taken; where the queue, the buffers or the room cannot be had.
  static func create(
    _ header: StagingHeader, in directory: borrowing OwnedDescriptor, name: String, reserve: UInt64? = nil,
    engine: Engine
  ) throws(ResyncError) -> StagingWriter {
    let file = try attempt("make", on: name, .setUp) { () throws(Errno) in
      let file = try directory.creating(name)
      try file.makeDirect()
      try file.synchronize()
      try directory.synchronize()
      return file
    }
    let queue = try queue(to: file, header, name, engine)
    let place = try attempt("ask for the room of", on: name, .setUp) { () throws(Errno) in
      try StagingRoom(directory, reserve)
    }
    return try begin(header, through: queue) { () throws(Errno) in try place.bytesLeft() }
  }

  /// Opens the file `name`, cuts it where `prefix` ends, and goes on there.
  static func resume(
    _ header: StagingHeader, in directory: borrowing OwnedDescriptor, name: String,
    _ prefix: consuming StagingPrefix, engine: Engine
  ) throws(ResyncError) -> StagingWriter {
    let folder = try attempt("open", on: name, .setUp) { () throws(Errno) in
      PrivateDirectory(try directory.duplicate())
    }
    let length = prefix.length
    let file = try attempt("open the staging file", on: name, .setUp) { () throws(Errno) in
      let file = try folder.opening(name, .readWrite)
      try file.makeBlocking()
      try file.makeDirect()
      try file.resize(to: length)
      try file.synchronize()
      return file
    }
    let queue = try queue(to: file, header, name, engine)
    let place = try attempt("ask for the room of", on: name, .setUp) { () throws(Errno) in
      try StagingRoom(directory, nil)
    }
    return StagingWriter(header, after: prefix, through: queue) { () throws(Errno) in try place.bytesLeft() }
  }

  private static func queue(
    to file: borrowing OwnedDescriptor, _ header: StagingHeader, _ name: String, _ engine: Engine
  ) throws(ResyncError) -> DiskQueue {
    // Three buffers and the half that is not used come to one huge page.
    let geometry = QueueGeometry(chunk: header.segmentSize, depth: 3, recoveryDepth: 1)
    do throws(Errno) {
      return try DiskQueue(primary: file, recovery: file, geometry: geometry, engine: engine)
    } catch {
      throw ResyncError(.kernel(error, .setUp), "make a queue for", on: name)
    }
  }
}

/// What a staging file may take of its file system.
final class StagingRoom {
  private let directory: OwnedDescriptor
  private let reserve: UInt64?

  /// A file of `needed` bytes has no room.
  static func error(needed: UInt64) -> ResyncError {
    ResyncError(
      .kernel(.noSpace, .transfer), "stage the differences",
      reason: "the staging file needs \(needed) bytes (\(ByteCount(needed))), and there is no room for it",
      remedy: "free some, or name another place with --staging-dir")
  }

  fileprivate init(_ directory: borrowing OwnedDescriptor, _ reserve: UInt64?) throws(Errno) {
    self.directory = try directory.duplicate()
    self.reserve = reserve
  }

  fileprivate func bytesLeft() throws(Errno) -> UInt64 {
    let system = try FileSystem(of: directory)
    let reserve = reserve ?? max(2 << 30, system.total / 10)
    return system.available - min(reserve, system.available)
  }
}
