/// A partition or file system that a map names under the line.
public struct Landmark: Sendable, Equatable, Codable {
  /// Where on the disk it lies.
  public let range: ByteRange
  /// What it is: `1 vfat "EFI"`, safe to print.
  public let title: String
}

extension Landmark {
  /// The partitions of `content`, or the file system on the whole disk of `size` bytes.
  static func landmarks(of content: ProbedContent, size: UInt64) -> [Landmark] {
    let entries = content.partitionTable?.entries.filter { !$0.isExtended } ?? []
    if entries.isEmpty {
      guard size > 0, !content.signatures.isEmpty else { return [] }
      return [Landmark(range: ByteRange(offset: 0, length: size), title: names(content.signatures))]
    }
    return entries.compactMap { entry in
      guard let range = entry.range(onDiskOf: size) else { return nil }
      let inside = entry.content.map { names($0.signatures) } ?? ""
      let name = entry.name.map { "\"\($0)\"" } ?? ""
      let parts = ["\(entry.number)", inside, inside.contains("\"") ? "" : name].filter { !$0.isEmpty }
      return Landmark(range: range, title: parts.joined(separator: " "))
    }
  }

  private static func names(_ signatures: [Signature]) -> String {
    signatures.map { signature in
      signature.label.map { "\(signature.type) \"\($0)\"" } ?? "\(signature.type)"
    }.joined(separator: ", ")
  }
}
