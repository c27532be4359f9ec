import SystemPackage
import Testing

@testable import DeviceResync

@Suite("devices", .ownPlace, .tags(.devices, .slow)) struct DevicesTests {
  private func list(_ paths: String...) throws -> JSONValue {
    let ended = try Command.start(["devices", "--json"] + paths).wait()
    #expect(ended.status == 0, "\(ended)")
    return try JSONValue(parsing: ended.output)
  }

  private func device(_ name: String, in list: JSONValue) -> JSONValue {
    list["Devices"].array.first { $0["KernelName"].text == name } ?? .missing
  }

  @Test("shows loops, their images, block sizes and flags")
  func loops() throws {
    let image = try Image("disk", size: 2 << 20)
    let loop = try NamedLoop(image.path, blockSize: 4096, readOnly: true)
    let all = try list()
    #expect(all["FormatVersion"].int == 1 && all["ReturnValue"].int == 0)
    let found = device(loop.name, in: all)
    #expect(found["Path"].text == loop.node)
    #expect(found["Kind"].text == "loop")
    #expect(found["Size"].int == 2 << 20)
    #expect(found["LogicalBlockSize"].int == 4096)
    #expect(found["ReadOnly"].bool == true)
    #expect(found["Loop"]["BackingFile"].text == image.path)
    #expect(found["Loop"]["Autoclear"].bool == true)
    #expect(found["Loop"]["DirectIO"].bool == true)
    let text = try Command.run("devices", loop.node)
    #expect(text.status == 0)
    for word in ["DEVICE", loop.name, "2 MiB", "loop ro 4096b", "disk"] {
      #expect(text.output.contains(word), "\(text)")
    }
  }

  @Test("shows what is on a disk, and where it is mounted", arguments: ["ext4", "xfs", "btrfs"])
  func fileSystems(_ type: String) throws {
    let image = try Image("disk", size: 320 << 20)
    try tool("mkfs.\(type)", "-q", "-L", "label-\(type)", image.path)
    let loop = try NamedLoop(image.path)
    let mount = try Child.mounting(loop.node, at: Place.ours("mnt"))
    let found = device(loop.name, in: try list(loop.node))
    let signature = found["Content"]["Signatures"][0]
    #expect(signature["Type"].text == type, "\(found)")
    #expect(signature["Label"].text == "label-\(type)")
    #expect(signature["UUID"].text?.count == 36)
    #expect(found["Mounts"].array.map(\.text) == [Place.ours("mnt")])
    let text = try Command.run("devices", loop.node)
    #expect(text.output.contains("\(type) \"label-\(type)\""), "\(text)")
    #expect(text.output.contains("mounted on \(Place.ours("mnt"))"), "\(text)")
    _ = mount.id
  }

  @Test("shows partitions below their disk, by table and by the kernel")
  func partitions() throws {
    let image = try Image("disk", size: 64 << 20)
    try tool("sgdisk", "--new=1:2048:+16M", "--new=2:0:0", image.path)
    var loop = try NamedLoop(image.path)
    _ = try loop.addPartition(1, start: 1 << 20, length: 16 << 20)
    let all = try list(loop.node)
    let disk = device(loop.name, in: all)
    #expect(disk["Partitions"].array.map(\.text) == ["\(loop.name)p1"])
    #expect(disk["Content"]["PartitionTable"]["Type"].text == "gpt", "\(disk)")
    let part = device("\(loop.name)p1", in: all)
    #expect(part["Disk"].text == loop.name)
    #expect(part["Start"].int == 1 << 20)
    #expect(part["Size"].int == 16 << 20)
    let text = try Command.run("devices", loop.node)
    #expect(text.output.contains("└─\(loop.name)p1"), "\(text)")
    #expect(text.output.contains("gpt 2 partitions"), "\(text)")
  }

  @Test("shows who has a disk or an image open, and how")
  func openers() throws {
    let image = try Image("disk", size: 2 << 20)
    let loop = try NamedLoop(image.path)
    let writer = try Child.holding(loop.node)
    let reader = try Child.holding(image.path, "<")
    let all = try list(loop.node, image.path)
    let openers = device(loop.name, in: all)["Openers"].array
    #expect(
      openers.contains {
        $0["ProcessId"].int == Int(writer.id) && $0["Writing"].bool == true && $0["Program"].text == "bash"
      })
    let ofImage = all["Images"][0]["Openers"].array
    #expect(ofImage.contains { $0["ProcessId"].int == Int(reader.id) && $0["Writing"].bool == false })
    #expect(all["Images"][0]["Loops"].array.map(\.text) == [loop.node])
    let text = try Command.run("devices", loop.node, image.path)
    #expect(text.output.contains("bash (\(writer.id)) writes"), "\(text)")
    #expect(text.output.contains("bash (\(reader.id)) reads"), "\(text)")
  }

  @Test("a label that would drive the terminal is escaped in text, and whole in JSON")
  func escapes() throws {
    let image = try Image("disk", size: 16 << 20)
    let label = "\u{1b}[31mEV\"\n\u{9b}2J"
    try tool("mkfs.ext4", "-q", image.path)
    // At 1024 + 120 of an ext4 super block; without metadata_csum nothing else changes.
    try tool("tune2fs", "-O", "^metadata_csum", image.path)
    try image.write(Array(label.utf8) + [0], at: 1024 + 120)
    let loop = try NamedLoop(image.path)
    for path in [loop.node, image.path] {
      let text = try Command.run("devices", path)
      #expect(text.status == 0)
      #expect(text.output.contains("EV"), "\(text)")
      for scalar in text.output.unicodeScalars where scalar != "\n" {
        #expect(scalar.value >= 0x20 && !(0x7f...0x9f).contains(scalar.value), "U+\(scalar.value)")
      }
      #expect(text.output.contains(#"\u{1b}[31mEV"#), "\(text)")
    }
    let found = device(loop.name, in: try list(loop.node))
    #expect(found["Content"]["Signatures"][0]["Label"].text?.contains("EV") == true)
  }
}
