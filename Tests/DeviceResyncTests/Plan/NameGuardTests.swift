import SystemPackage
import Testing

@testable import DeviceResync

@Suite("the names guard")
struct NameGuardTests {
  static func named(_ problem: NamedPath.Problem) -> @Sendable (inout Scene) -> Void {
    { scene in
      scene.edits[.recovery] = { disk in
        disk = NamedDisk(
          side: .recovery, name: .problem("/dev/b", problem),
          identity: DeviceIdentity(path: "/dev/b", size: 0))
      }
    }
  }

  static let cases = [
    GuardCase("two names that lead to disks pass") { _ in },
    GuardCase(
      "what does not exist is 32779, with the missing component", .refused, .fileNotFound,
      says: ["/dev/disk/gone does not exist", "vmresync devices"], named(.absent("/dev/disk/gone"))),
    GuardCase(
      "a component that cannot be looked at is what its errno means", .refused, .accessDenied,
      says: ["EACCES"],
      named(.unreadable("/a", .permissionDenied))),
    GuardCase(
      "a name that is too long is 32779", .refused, .fileNotFound, says: ["ENAMETOOLONG"],
      named(.unreadable("/a", .fileNameTooLong))),
    GuardCase(
      "links in a circle are 32773", .refused, .invalidParameter, says: ["ELOOP"],
      named(.unreadable("/a", .tooManySymbolicLinkLevels))),
    GuardCase(
      "a link that others can redirect is 32773 and named", .refused, .invalidParameter,
      says: ["/images/link", "it belongs to user 64055"],
      named(.untrustedLink("/images/link", "it belongs to user 64055"))),
    GuardCase(
      "a name that is the disk's content is 32773", .refused, .invalidParameter,
      says: ["by-uuid/1", "its replica carries the same", "/dev/disk/by-id"],
      named(.namedByContent("/dev/disk/by-uuid/1"))),
    GuardCase(
      "neither device nor file is 32776", .refused, .incorrectDataType, says: ["neither a block device nor"],
      named(.wrongKind)),
    GuardCase(
      "escape sequences in a name are not printed", .refused, .fileNotFound, says: ["\\u{1b}[31m"],
      named(.absent("/dev/\u{1b}[31m"))),
    GuardCase(
      "a name of the order of discovery is 32773 without a terminal, with the name to paste", .refused,
      .invalidParameter, says: ["another disk after a reboot", "use /dev/disk/by-id/wwn-0x5000"]
    ) { scene in
      scene["sdb"].links = ["/dev/disk/by-id/ata-X", "/dev/disk/by-id/wwn-0x5000", "/dev/disk/by-path/pci-1"]
      scene.edits[.recovery] = { $0 = $0.renamed(.device("/dev/sdb", dependsOnOrder: true)) }
    },
    GuardCase(
      "the same is a warning on a terminal", .warning,
      says: ["another disk after a reboot", "use /dev/mapper/m"]
    ) { scene in
      scene.request.isInteractive = true
      scene["sdb"].mapperName = "m"
      scene.edits[.recovery] = { $0 = $0.renamed(.device("/dev/dm-7", dependsOnOrder: true)) }
    },
    GuardCase(
      "a disk without any other name is told how to get one", .refused, .invalidParameter,
      says: ["serial number"]
    ) { $0.edits[.primary] = { $0 = $0.renamed(.device("/dev/vdb", dependsOnOrder: true)) } },
  ]

  @Test("judges", arguments: cases)
  func judges(_ testCase: GuardCase) throws { try testCase.check(NameGuard.self) }

  @Test("a compare is refused for the same names")
  func compare() {
    #expect(Self.cases[1].compareVerdicts(NameGuard.self) == [.refused])
    #expect(Self.cases[9].compareVerdicts(NameGuard.self) == [.refused])
  }
}

extension NamedDisk {
  /// The same disk under another name.
  func renamed(_ name: NamedPath) -> NamedDisk {
    var disk = NamedDisk(side: side, name: name, identity: identity)
    (disk.storage, disk.extents, disk.related) = (storage, extents, related)
    return disk
  }
}
