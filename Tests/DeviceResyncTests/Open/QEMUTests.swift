import SystemPackage
import Testing

@testable import DeviceResync

@Suite("QEMU beside a run", .tags(.devices, .slow))
struct QEMUTests {
  /// Whether `qemu-io` opens `path`, and what it said.
  private func opens(_ path: FilePath, _ options: String...) throws -> (opened: Bool, said: String) {
    var arguments = ["qemu-io", "-f", "raw"]
    arguments += options
    arguments += ["-c", "read 0 512", path.string]
    let result = try run("sh", "-c", arguments.map { ShellWord($0).description }.joined(separator: " "))
    return (result.status == 0 && result.output.contains("read 512/512"), result.output)
  }

  @Test("opens a recovery until the first write, and neither image nor loop after it, not even to look")
  func startGuard() throws {
    let directory = try TemporaryDirectory()
    let image = try directory.image("image", size: 1 << 20)
    let recovery = try RecoveryDevice(claiming: try inspect(.recovery, image))
    let loop = FilePath("/dev/loop\(recovery.disk.number.minor)")
    #expect(try opens(image, "-r").opened)
    #expect(try opens(loop, "-r").opened)
    try recovery.holdStartGuard()
    for path in [image, loop] {
      for options in [[], ["-r"], ["-r", "-U"]] as [[String]] {
        let result =
          switch options.count {
          case 0: try opens(path)
          case 1: try opens(path, options[0])
          default: try opens(path, options[0], options[1])
          }
        #expect(!result.opened, "\(path) \(options)")
        #expect(result.said.contains("lock"), "\(result.said)")
      }
    }
    _ = consume recovery
    #expect(try opens(image).opened)
  }

  @Test("opens a primary for writing while it is read")
  func primary() throws {
    let directory = try TemporaryDirectory()
    let image = try directory.image("image", size: 1 << 20)
    let primary = try PrimaryDevice(try inspect(.primary, image))
    #expect(try opens(image).opened)
    #expect(primary.disk.deviceSize == 1 << 20)
  }
}
