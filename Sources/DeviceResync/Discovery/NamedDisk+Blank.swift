import SystemPackage

extension NamedDisk {
  /// Reads the first and the last MiB, through the page cache; nil where that fails.
  ///
  /// Nothing is looked for in them but zeros.
  func looksZeroAtItsEnds() -> Bool? {
    guard let path = name.canonical, size > 0 else { return nil }
    let length = min(1 << 20, size)
    let ticket = UnderWay.begin(Activity("read both ends of", on: path.string))
    defer { UnderWay.end(ticket) }
    do throws(Errno) {
      let file = try OwnedDescriptor(opening: path, [.noFollow, .nonBlocking])
      for offset in [0, size - length] {
        let bytes = try file.read(Int(length), at: offset)
        guard bytes.count == Int(length) else { return nil }
        guard bytes.allSatisfy({ $0 == 0 }) else { return false }
      }
      return true
    } catch {
      return nil
    }
  }

  /// Whether it is an image in which there is no data at all: every byte is known to be zero.
  func looksEmpty() -> Bool {
    guard let image, let path = name.canonical, image.fileSystem.tellsHolesTruly else { return false }
    do throws(Errno) {
      return try OwnedDescriptor(opening: path, [.noFollow, .nonBlocking]).nextData(from: 0) == nil
    } catch {
      return false
    }
  }
}
