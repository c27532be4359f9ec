import Foundation
import SystemPackage
import Testing

@testable import DeviceResync

@Suite("the table of devices")
struct DeviceReportTests {
  private func report(_ scene: Scene, _ contents: [String: ProbedContent] = [:]) -> DeviceReport {
    DeviceReport(host: scene.host, contents: contents, selection: nil)
  }

  @Test("is a tree of disks, partitions and what is built on them")
  func tree() {
    var scene = Scene()
    scene.partition(1, of: "sdb", SameStorageGuardTests.half)
    scene.partition(2, of: "sdb", SameStorageGuardTests.rest)
    scene.stack("dm-3", 3, on: ["sdb2"], map: "vg0-data")
    scene.loop(10, over: 7)
    scene.loop(2, over: 8, offset: 4096)
    scene.mount(DeviceNumber(major: 8, minor: 17), on: "/boot")
    scene.open(.device(DeviceNumber(major: 253, minor: 3)))
    let lines = report(scene).text(width: 200).split(separator: "\n")
    let names = lines.map { line in line.prefix(while: { $0 != " " }) }
    #expect(names == ["DEVICE", "loop2", "loop10", "sda", "sdb", "├─sdb1", "└─sdb2", ""])
    #expect(lines[7].hasPrefix("  └─vg0-data"))
    #expect(lines[1].contains("image /images/8 from byte 4096"))
    #expect(lines[5].contains("100 MiB") && lines[5].hasSuffix("mounted on /boot"))
    #expect(lines[7].hasSuffix("qemu-system-x86 (4711) writes"))
  }

  @Test("prints no string of others as it is")
  func hostile() {
    let evil = "\u{1b}[31mEVIL\n\u{9b}2J\u{202e}"
    var scene = Scene()
    scene["sda"].model = evil
    scene["sda"].transport = evil
    scene.stack("dm-3", 3, on: ["sdb"], map: evil)
    scene.loop(3, over: 7)
    scene["loop3"].loop?.path = "/images/" + evil
    scene.mount(DeviceNumber(major: 8, minor: 0), on: #"/mnt/\033[2J"#)
    scene.open(.device(DeviceNumber(major: 8, minor: 0)), by: evil)
    let label = ProbedContent(
      outcome: .probed,
      signatures: [Signature(type: "ext4", label: DeviceText(bytes: Array(evil.utf8) + [0xff]), offset: 0)])
    let text = report(scene, ["sdb": label]).text(width: 300)
    #expect(
      text.unicodeScalars.allSatisfy {
        $0 == "\n" || $0.value >= 0x20 && $0.value != 0x9b && $0.value != 0x202e
      })
    #expect(text.split(separator: "\n").count == 5, "no line was forged")
    #expect(text.contains(#"ext4 "\u{1b}[31mEVIL\u{a}\u{9b}2J\u{202e}\xff""#))
  }

  @Test("fits a narrow terminal by shortening the middle of what lies on a disk")
  func narrow() {
    var scene = Scene()
    scene["sda"].model = "BEGIN" + String(repeating: "x", count: 200) + "END"
    let line = report(scene).text(width: 80).split(separator: "\n")[1]
    #expect(line.count <= 80)
    #expect(line.contains("BEGIN") && line.contains("…") && line.contains("END"))
  }

  @Test("ends though a recorded tree goes in a circle, and says where there is nothing")
  func circle() {
    var scene = Scene()
    scene["sda"].slaves = ["sdb"]
    scene["sdb"].slaves = ["sda"]
    scene.stack("dm-3", 3, on: ["dm-3"])
    _ = report(scene).text(width: 80)
    scene.host.devices = []
    #expect(report(scene).text(width: 80) == "no block device has anything behind it\n")
  }

  @Test("as JSON has every key of every device, with hostile strings whole")
  func json() throws {
    var scene = Scene()
    scene["sda"].model = "\u{1b}\"\\"
    scene.loop(3, over: 7, readOnly: true)
    let text = report(scene).json
    let object = try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
    #expect(object["FormatVersion"] as? Int == 1 && object["ReturnValue"] as? Int == 0)
    #expect(object["SeesAllProcesses"] as? Bool == true)
    let devices = try #require(object["Devices"] as? [[String: Any]])
    #expect(devices.map { $0["KernelName"] as? String } == ["loop3", "sda", "sdb"])
    #expect(devices[1]["Model"] as? String == "\u{1b}\"\\")
    #expect(devices.allSatisfy { Set($0.keys) == Set(devices[0].keys) })
    let loop = try #require(devices[0]["Loop"] as? [String: Any])
    #expect(loop["BackingFile"] as? String == "/images/7" && loop["ReadOnly"] as? Bool == true)
    #expect(devices[1]["Loop"] is NSNull)
  }

  @Test(
    "names are ordered by their numbers",
    arguments: [("loop2", "loop10"), ("sda", "sdb"), ("dm-9", "dm-10"), ("loop9", "sda")])
  func order(_ first: String, _ second: String) {
    #expect(first.isBefore(second) && !second.isBefore(first) && !first.isBefore(first))
  }
}
