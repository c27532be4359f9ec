import SystemPackage
import Testing

@testable import DeviceResync

@Suite("the guards of what can be done at all")
struct AbilityGuardTests {
  static let cases: [(any Guard.Type, GuardCase)] = [
    (PrivilegeGuard.self, GuardCase("root passes") { _ in }),
    (
      PrivilegeGuard.self,
      GuardCase("anybody else is 32769", .refused, .accessDenied, says: ["sudo"]) { $0.host.isRoot = false }
    ),
    (AccessGuard.self, GuardCase("two disks that answer pass") { _ in }),
    (
      AccessGuard.self,
      GuardCase(
        "a disk that cannot be opened is what its errno means", .refused, .systemNotAvailable,
        says: ["could not open for reading /dev/b", "ENXIO"]
      ) {
        $0.edits[.recovery] = {
          $0.refusal = ResyncError(
            .kernel(.noSuchAddressOrDevice, .open), "open for reading", on: "/dev/b", side: .recovery)
        }
      }
    ),
    (
      AccessGuard.self,
      GuardCase(
        "a drive without a medium is 32777", .refused, .systemNotAvailable,
        says: ["the primary /dev/a has no bytes"]
      ) {
        $0["sda"].size = 0
      }
    ),
    (EngineGuard.self, GuardCase("a kernel with io_uring passes") { _ in }),
    (
      EngineGuard.self,
      GuardCase("one that forbids rings has threads", says: ["threads", "EPERM"]) {
        $0.ringRefusal = .notPermitted
      }
    ),
    (
      EngineGuard.self,
      GuardCase("one that has no rings has threads", says: ["threads", "ENOSYS"]) {
        $0.ringRefusal = .noFunction
      }
    ),
    (
      EngineGuard.self,
      GuardCase("threads are used where they are asked for", says: ["as asked for"]) {
        $0.request.engine = .threads
      }
    ),
    (
      EngineGuard.self,
      GuardCase(
        "where a ring is asked for, one that forbids it is 32770", .refused, .notSupported,
        says: ["EPERM", "kernel.io_uring_disabled=0", "--engine auto"]
      ) {
        $0.request.engine = .ioUring
        $0.ringRefusal = .notPermitted
      }
    ),
    (
      EngineGuard.self,
      GuardCase(
        "where a ring is asked for, one that has none is 32770", .refused, .notSupported,
        says: ["ENOSYS", "--engine auto"]
      ) {
        $0.request.engine = .ioUring
        $0.ringRefusal = .noFunction
      }
    ),
    (
      EngineGuard.self,
      GuardCase("one without memory for a ring is 32778", .refused, .outOfMemory) {
        $0.ringRefusal = .noMemory
      }
    ),
    (WriteBackGuard.self, GuardCase("writing in place passes", says: ["in place"]) { _ in }),
    (
      WriteBackGuard.self,
      GuardCase("a dry run writes nothing", says: ["nothing is written"]) { $0.request.isDryRun = true }
    ),
    (
      WriteBackGuard.self,
      GuardCase("staging passes, and says that nothing is written before all is known", says: ["staged"]) {
        $0.request.writeBack = .staged
      }
    ),
    (
      WriteBackGuard.self,
      GuardCase(
        "verifying against a running primary is 32773", .refused, .invalidParameter, says: ["--verify"]
      ) {
        ($0.request.writeBack, $0.request.verifies, $0.request.source) = (.inPlace, true, .running)
      }
    ),
    (
      WriteBackGuard.self,
      GuardCase("snapshots are 32770 until they are built", .refused, .notSupported) {
        $0.request.source = .snapshot
      }
    ),
    (ZoneGuard.self, GuardCase("disks without zones pass") { $0["sdb"].queue.zonedModel = "host-aware" }),
    (
      ZoneGuard.self,
      GuardCase("host-managed zones are 32770", .refused, .notSupported, says: ["host-managed", "dm-zoned"]) {
        $0["sdb"].queue.zonedModel = "host-managed"
      }
    ),
    (WriteProtectionGuard.self, GuardCase("a writable recovery passes") { $0["sda"].isReadOnly = true }),
    (
      WriteProtectionGuard.self,
      GuardCase("a read-only device is 32769", .refused, .accessDenied, says: ["blockdev --setrw /dev/sdb"]) {
        $0["sdb"].isReadOnly = true
      }
    ),
    (
      WriteProtectionGuard.self,
      GuardCase("a read-only loop is 32769", .refused, .accessDenied, says: ["losetup -d /dev/loop3"]) {
        $0.loop(3, over: 7, readOnly: true)
        $0.names[.recovery] = "loop3"
      }
    ),
    (
      WriteProtectionGuard.self,
      GuardCase("an immutable image is 32769", .refused, .accessDenied, says: ["chattr -i /images/7"]) {
        $0.images[.recovery] = .test(7, immutable: true)
      }
    ),
    (
      WriteProtectionGuard.self,
      GuardCase("an image on a read-only file system is 32769", .refused, .accessDenied) {
        $0.images[.recovery] = .test(7, readOnly: true)
      }
    ),
  ]

  @Test("judge", arguments: cases.indices)
  func judges(_ index: Int) throws { try Self.cases[index].1.check(Self.cases[index].0) }

  @Test("a write-protected recovery may be compared; no rings, no rights and no disk stop a compare too")
  func compare() {
    for (kind, one) in Self.cases where one.verdict == .refused && kind != WriteBackGuard.self {
      let expected: GuardVerdict.Verdict = kind == WriteProtectionGuard.self ? .warning : .refused
      #expect(one.compareVerdicts(kind) == [expected], "\(one.testDescription)")
    }
  }
}
