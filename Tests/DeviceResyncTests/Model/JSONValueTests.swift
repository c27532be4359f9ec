import Foundation
import Testing

@testable import DeviceResync

@Suite("values as JSON")
struct JSONValueTests {
  @Test("an identity has every key, null where nothing is known")
  func identity() throws {
    var identity = DeviceIdentity(path: "/images/a \u{1b}", size: 512)
    #expect(
      jsonText(identity) == """
        {
          "BackingFile" : null,
          "DeviceNumber" : null,
          "DiskSequence" : null,
          "KernelName" : null,
          "LogicalBlockSize" : null,
          "Path" : "/images/a \\u001b",
          "Size" : 512,
          "StableName" : null
        }

        """)
    identity.kernelName = "loop3"
    identity.deviceNumber = DeviceNumber(major: 7, minor: 3)
    identity.logicalBlockSize = 4096
    identity.stableName = "wwid-x"
    identity.diskSequence = 41
    identity.backingFile = "/images/a"
    let back = try JSONDecoder().decode(DeviceIdentity.self, from: Data(jsonText(identity).utf8))
    #expect(back == identity)
    #expect(jsonText(identity).contains(#""DeviceNumber" : "7:3""#))
  }

  @Test("a guard's verdict has every key, and the value as a number")
  func verdict() {
    let refused = GuardVerdict.refused(
      "mounts", .systemInUse, "the recovery is mounted", evidence: ["sdb on /mnt"], remedy: "umount /mnt")
    #expect(
      jsonText(refused) == """
        {
          "Evidence" : [
            "sdb on /mnt"
          ],
          "Name" : "mounts",
          "Reason" : "the recovery is mounted",
          "Remedy" : "umount /mnt",
          "ReturnValue" : 32774,
          "Verdict" : "refused"
        }

        """)
    let passed = jsonText(GuardVerdict.passed("mounts", "nothing"))
    #expect(passed.contains(#""Remedy" : null"#))
    #expect(passed.contains(#""ReturnValue" : 0"#))
    #expect(jsonText(GuardVerdict.unknown("x", "y", remedy: nil)).contains("32771"))
  }

  @Test("only a refusal and what is not known are in the way")
  func inTheWay() {
    #expect(!GuardVerdict.passed("x", "y").isInTheWay)
    #expect(!GuardVerdict.warning("x", "y").isInTheWay)
    #expect(GuardVerdict.refused("x", .failed, "y", remedy: nil).isInTheWay)
    #expect(GuardVerdict.unknown("x", "y", remedy: nil).isInTheWay)
  }

  @Test(
    "a device number is major:minor, and nothing else is one",
    arguments: ["", "7", "7:", ":7", "7:3:1", "a:b", "-1:0", "4294967296:0"])
  func deviceNumber(_ wrong: String) {
    #expect(DeviceNumber(parsing: wrong) == nil)
    #expect(DeviceNumber(parsing: "259:3") == DeviceNumber(major: 259, minor: 3))
    #expect(DeviceNumber(major: 7, minor: 300) < DeviceNumber(major: 8, minor: 0))
  }

  @Test("a point in time is true, false or \"unproven\"")
  func pointInTime() {
    #expect(jsonText([PointInTime.yes, .no, .unproven]) == "[\n  true,\n  false,\n  \"unproven\"\n]\n")
  }

  @Test("a title has the stable name beside the typed one")
  func title() {
    var identity = DeviceIdentity(path: "/dev/sdb", size: 0)
    #expect(identity.title == "/dev/sdb")
    identity.stableName = "wwid-\u{1b}"
    #expect(identity.title == #"/dev/sdb (wwid-\u{1b})"#)
  }
}
