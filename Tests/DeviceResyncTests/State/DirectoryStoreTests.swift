import Foundation
import SystemPackage
import Testing

@testable import DeviceResync

@Suite struct DirectoryStoreTests {
  let scratch: ScratchDirectory
  var path: FilePath { scratch("state") }
  let name = RecordName.relationship(UniqueID(1))

  init() throws { scratch = try ScratchDirectory() }

  func file(_ name: RecordName) -> String {
    path.appending(name.folder.rawValue).appending(name.file).string
  }

  func mode(_ path: String) throws -> UInt32 {
    try FileStatus(at: FilePath(path), followingLink: false).permissions
  }

  func expect(_ value: ReturnValue, _ body: () throws(ResyncError) -> Void) {
    let error = #expect(throws: ResyncError.self) { try body() }
    #expect(error?.returnValue == value, "\(String(describing: error))")
    #expect(error?.remedy != nil || error?.description.contains("; ") == true)
  }

  @Test("the directory is made once, root's alone, and so is all in it")
  func modes() throws {
    let before = try DirectoryStore.ifPresent(at: path) == nil
    #expect(before)
    var store = try DirectoryStore(at: path)
    try store.replace(name, by: [1, 2, 3])
    let lock = try store.lock(.records, patience: .zero)
    lock.release()
    for folder in ["", "/states", "/disks", "/locks", "/staging"] {
      #expect(try mode(path.string + folder) == 0o700)
    }
    #expect(try mode(file(name)) == 0o600)
    #expect(try mode(path.string + "/locks/records") == 0o600)
    let after = try DirectoryStore.ifPresent(at: path) != nil
    #expect(after)
    // What was remembered must not be taken for nothing where a part is missing.
    try FileManager.default.removeItem(atPath: path.string + "/locks")
    expect(.fileNotFound) { () throws(ResyncError) in _ = try DirectoryStore.ifPresent(at: path) }
    _ = try DirectoryStore(at: path)
  }

  @Test("whoever is killed while it is made has remembered nothing")
  func halfMade() throws {
    for folder in ["", "/disks", "/locks", "/staging"] {
      try FileManager.default.createDirectory(
        atPath: path.string + folder, withIntermediateDirectories: false,
        attributes: [.posixPermissions: 0o700])
      let isNothing = try DirectoryStore.ifPresent(at: path) == nil
      #expect(isNothing, "\(folder)")
    }
    _ = try DirectoryStore(at: path)
    let isThere = try DirectoryStore.ifPresent(at: path) != nil
    #expect(isThere)
  }

  @Test("a record is read as it was written last, and gone when it is removed; twice is as good")
  func records() throws {
    var store = try DirectoryStore(at: path)
    #expect(try store.read(name) == nil)
    try store.remove(name)
    for bytes: [UInt8] in [[1, 2, 3], [], Array(repeating: 7, count: 100_000)] {
      try store.replace(name, by: bytes)
      #expect(try store.read(name) == bytes)
    }
    let disk = RecordName.disk(sampleDisk("a").identity)
    try store.replace(disk, by: [4])
    #expect(try store.names(in: .states) == [name])
    #expect(try store.names(in: .disks) == [disk])
    try store.remove(name)
    #expect(try store.read(name) == nil)
    #expect(try FileManager.default.contentsOfDirectory(atPath: path.string + "/states").isEmpty)
  }

  @Test("what a crash left under the temporary name is not followed, read or listed")
  func leftover() throws {
    var store = try DirectoryStore(at: path)
    let victim = try scratch.file("victim", size: 0)
    let temporary = path.string + "/states/" + name.temporaryFile
    try FileManager.default.createSymbolicLink(atPath: temporary, withDestinationPath: victim.string)
    #expect(try store.names(in: .states).isEmpty)
    try store.replace(name, by: [1])
    #expect(try FileStatus(at: victim, followingLink: false).size == 0)
    #expect(!FileManager.default.fileExists(atPath: temporary))

    try FileManager.default.linkItem(atPath: victim.string, toPath: temporary)
    try store.replace(name, by: [2])
    #expect(try FileStatus(at: victim, followingLink: false).size == 0)
    #expect(try store.read(name) == [2])
  }

  /// What may stand where a record should.
  enum Intruder: CaseIterable { case link, directory, pipe, writableByGroup, otherOwner, huge }

  @Test("what is no record of root's is refused at once", arguments: Intruder.allCases)
  func intruders(intruder: Intruder) throws {
    var store = try DirectoryStore(at: path)
    let file = file(name)
    let manager = FileManager.default
    switch intruder {
    case .link: try manager.createSymbolicLink(atPath: file, withDestinationPath: "/etc/hostname")
    case .directory: try manager.createDirectory(atPath: file, withIntermediateDirectories: false)
    case .pipe: #expect(mkfifo(file, 0o600) == 0)
    default: try store.replace(name, by: [1])
    }
    switch intruder {
    case .writableByGroup: try manager.setAttributes([.posixPermissions: 0o620], ofItemAtPath: file)
    case .otherOwner: try manager.setAttributes([.ownerAccountID: 65534], ofItemAtPath: file)
    case .huge: try FileDescriptor.open(file, .writeOnly).closing { try $0.resize(to: 5 << 20) }
    default: break
    }
    expect(intruder == .huge ? .invalidState : .accessDenied) { () throws(ResyncError) in
      _ = try store.read(name)
    }
  }

  @Test(
    "a directory that others own or may write, or that a link leads to, is refused",
    arguments: ["", "states", "locks"])
  func directories(name: String) throws {
    _ = try DirectoryStore(at: path)
    let directory = name.isEmpty ? path : path.appending(name)
    let manager = FileManager.default
    try manager.setAttributes([.posixPermissions: 0o770], ofItemAtPath: directory.string)
    expect(.accessDenied) { () throws(ResyncError) in _ = try DirectoryStore(at: path) }
    try manager.setAttributes(
      [.posixPermissions: 0o700, .ownerAccountID: 65534], ofItemAtPath: directory.string)
    expect(.accessDenied) { () throws(ResyncError) in _ = try DirectoryStore.ifPresent(at: path) }

    let moved = scratch("moved")
    try manager.moveItem(atPath: directory.string, toPath: moved.string)
    try manager.setAttributes([.ownerAccountID: 0], ofItemAtPath: moved.string)
    try manager.createSymbolicLink(atPath: directory.string, withDestinationPath: moved.string)
    expect(.invalidParameter) { () throws(ResyncError) in _ = try DirectoryStore(at: path) }
  }

  @Test(
    "so is one below a directory in which others can put another in its place; one with the sticky bit is none"
  )
  func parents() throws {
    let manager = FileManager.default
    try manager.setAttributes([.posixPermissions: 0o777], ofItemAtPath: scratch.path.string)
    expect(.accessDenied) { () throws(ResyncError) in _ = try DirectoryStore(at: path) }
    #expect(chmod(scratch.path.string, 0o1777) == 0)
    _ = try DirectoryStore(at: path)
  }

  @Test("a parent that is missing, a path with '..', and a file in its place are told apart")
  func paths() throws {
    expect(.fileNotFound) { () throws(ResyncError) in
      _ = try DirectoryStore(at: path.appending("deeper"))
    }
    expect(.invalidParameter) { () throws(ResyncError) in
      _ = try DirectoryStore(at: path.appending("..").appending("state"))
    }
    let file = try scratch.file("file", size: 0)
    expect(.invalidParameter) { () throws(ResyncError) in _ = try DirectoryStore(at: file) }
  }

  @Test("a lock is one process's, waited for as long as patience lasts, and ends with its holder: 32774")
  func locks() throws {
    let store = try DirectoryStore(at: path)
    let relationship = LockName.relationship(UniqueID(3))
    let other = try HoldingCommand(
      "flock", "--nonblock", path.appending("locks").appending(relationship.file).string, "sh", "-c",
      "echo ready; read line")
    #expect(try store.isHeld(relationship))
    let unknown = LockName.relationship(UniqueID(4))
    #expect(try !store.isHeld(unknown))
    #expect(!FileManager.default.fileExists(atPath: "\(path)/locks/\(unknown.file)"))
    expect(.systemInUse) { () throws(ResyncError) in _ = try store.lock(relationship, patience: .zero) }
    expect(.systemInUse) { () throws(ResyncError) in
      _ = try store.lock(relationship, patience: .milliseconds(20))
    }
    try store.lock(.records, patience: .zero).release()
    other.end()
    #expect(try !store.isHeld(relationship))
    let lock = try store.lock(relationship, patience: .zero)
    // Another open file of this process is another holder.
    expect(.systemInUse) { () throws(ResyncError) in
      _ = try DirectoryStore(at: path).lock(relationship, patience: .zero)
    }
    lock.release()
    try store.lock(relationship, patience: .zero).release()
  }

  @Test("a whole run on real files is found again by another reader")
  func wholeRun() throws {
    var book = StateBook(try DirectoryStore(at: path))
    try book.runStaged(sampleRun(), on: [samplePair("a", "b")], endingAt: 60)
    let reader = StateBook(try DirectoryStore(at: path))
    let found = try reader.lookUp([sampleDisk("b").identity])
    #expect(found.relationships.map(\.consistency) == [.settled(.consistent(at: .sample(60)))])
    #expect(try reader.held(among: found.relationships).isEmpty)
  }

  @Test("a full disk ends in 32768 and a read-only one in 32769; the old record stands")
  func fullOrReadOnly() throws {
    // In a mount namespace of its own, so that nothing is left whatever happens; seen through /proc.
    let mount = try HoldingCommand(
      "unshare", "--mount", "sh", "-ec",
      "mount -t tmpfs -o size=64k,mode=700 none \(scratch.path); echo ready; read line;"
        + "mount -o remount,ro \(scratch.path); echo ready; read line")
    let seen = FilePath("/proc/\(mount.identifier)/root\(scratch.path)")
    var store = try DirectoryStore(
      PrivateDirectory(try OwnedDescriptor(opening: seen, [.directory], followingLinks: true)), scratch.path,
      making: true)
    try store.replace(name, by: [1])
    expect(.failed) { () throws(ResyncError) in
      try store.replace(name, by: Array(repeating: 2, count: 100_000))
    }
    #expect(try store.read(name) == [1])
    #expect(try store.names(in: .states) == [name])
    try store.replace(name, by: [3])
    try mount.goOn()
    expect(.accessDenied) { () throws(ResyncError) in try store.replace(name, by: [4]) }
    expect(.accessDenied) { () throws(ResyncError) in try store.remove(name) }
    #expect(try store.read(name) == [3])
  }
}

extension FileDescriptor {
  fileprivate func closing(_ body: (FileDescriptor) throws -> Void) throws {
    try closeAfter { try body(self) }
  }
}
