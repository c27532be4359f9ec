/// A format that keeps a disk's bytes in a file of its own structure: comparing such files compares no disks.
///
/// LUKS is none: its bytes are the disk's, and a replica has the same.
public enum ContainerFormat: String, Sendable, Hashable, Codable, CaseIterable {
  case qcow = "qcow"
  case qcow2 = "qcow2"
  case qed = "QED"
  case vmdk = "VMDK"
  case vhd = "VHD"
  case vhdx = "VHDX"
  case vdi = "VDI"
  case parallels = "Parallels"

  /// What `qemu-img -f` calls it.
  var qemuName: String {
    switch self {
    case .qcow: "qcow"
    case .qcow2: "qcow2"
    case .qed: "qed"
    case .vmdk: "vmdk"
    case .vhd: "vpc"
    case .vhdx: "vhdx"
    case .vdi: "vdi"
    case .parallels: "parallels"
    }
  }

  /// The command that makes a raw image of the one at `path`, to be pasted into a shell.
  public func conversion(of path: String) -> String {
    // qemu-img takes `nbd:…` and `json:…` for protocols; with a slash in front it takes a file's name.
    let source = path.hasPrefix("/") ? path : "./" + path
    return "qemu-img convert -f \(qemuName) -O raw \(ShellWord(source)) \(ShellWord(source + ".raw"))"
  }
}
