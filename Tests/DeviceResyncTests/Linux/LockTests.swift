import SystemPackage
import Testing

@testable import DeviceResync

@Suite("locks")
struct LockTests {
  static let byte = ByteRange(offset: 100, length: 1)

  @Test("on bytes are seen by another open file, and by none of the same")
  func seen() throws {
    let directory = try TemporaryDirectory()
    let file = try directory.write("a", "")
    let mine = try OwnedDescriptor(opening: file, .readWrite)
    let other = try OwnedDescriptor(opening: file, .readWrite)
    #expect(try !other.isLockedByOthers(ByteRange(offset: 0, length: 1000)))
    try mine.lock(Self.byte, forWriting: false)
    #expect(try other.isLockedByOthers(Self.byte))
    #expect(try other.isLockedByOthers(ByteRange(offset: 0, length: 1000)))
    #expect(try !other.isLockedByOthers(ByteRange(offset: 101, length: 99)))
    #expect(try !mine.isLockedByOthers(Self.byte))
    try mine.unlock(Self.byte)
    #expect(try !other.isLockedByOthers(Self.byte))
  }

  @Test("to read are shared; one to write keeps all others out, without waiting")
  func exclusion() throws {
    let directory = try TemporaryDirectory()
    let file = try directory.write("a", "")
    let one = try OwnedDescriptor(opening: file, .readWrite)
    let two = try OwnedDescriptor(opening: file, .readWrite)
    try one.lock(Self.byte, forWriting: false)
    try two.lock(Self.byte, forWriting: false)
    #expect(throws: Errno.resourceTemporarilyUnavailable) { try one.lock(Self.byte, forWriting: true) }
    try two.unlock(Self.byte)
    try one.lock(Self.byte, forWriting: true)
    #expect(throws: Errno.resourceTemporarilyUnavailable) { try two.lock(Self.byte, forWriting: false) }
  }

  @Test("end with the open file, not before its last descriptor")
  func ends() throws {
    let directory = try TemporaryDirectory()
    let file = try directory.write("a", "")
    let other = try OwnedDescriptor(opening: file, .readWrite)
    do {
      let first = try OwnedDescriptor(opening: file, .readWrite)
      try first.lock(RecoveryDevice.ownLockByte, forWriting: true)
      let second = try first.duplicate()
      try first.close()
      #expect(try other.isLockedByOthers(RecoveryDevice.ownLockByte))
      try second.close()
    }
    #expect(try !other.isLockedByOthers(RecoveryDevice.ownLockByte))
  }

  @Test("on the whole file exclude each other, and are no locks on bytes")
  func wholeFile() throws {
    let directory = try TemporaryDirectory()
    let file = try directory.write("a", "")
    let one = try OwnedDescriptor(opening: file, .readOnly)
    let two = try OwnedDescriptor(opening: file, .readOnly)
    try one.lockExclusively()
    #expect(throws: Errno.resourceTemporarilyUnavailable) { try two.lockExclusively() }
    #expect(try !two.isLockedByOthers(ByteRange(offset: 0, length: 1)))
    try one.close()
    try two.lockExclusively()
  }

  @Test("our own byte spells vmre, and lies beyond what QEMU locks")
  func ownByte() {
    #expect(RecoveryDevice.ownLockByte == ByteRange(offset: 0x76_6d_72_65, length: 1))
    #expect(QEMULockBytes.needed == ByteRange(offset: 100, length: 4))
    #expect(QEMULockBytes.forbidden == ByteRange(offset: 200, length: 4))
    #expect(QEMULockBytes.writing == ByteRange(offset: 101, length: 1))
  }
}
