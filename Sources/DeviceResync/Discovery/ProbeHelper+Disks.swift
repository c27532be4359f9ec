import SystemPackage

extension ProbeHelper {
  /// Partitions of one disk that are looked into.
  private static let partitionLimit = 32

  /// What lies on each block device or regular file, without looking into partitions.
  ///
  /// - Parameter paths: canonical; a link in one is not followed and makes it unknown.
  mutating func probe(_ paths: [FilePath]) -> [ProbedContent] {
    findings(paths).map(\.content)
  }

  /// The same, and what lies in each partition, as the table has them: no partition nodes are needed.
  mutating func probeDisks(_ paths: [FilePath]) -> [ProbedContent] {
    var findings = findings(paths)
    probePartitions(of: &findings) { disk throws(Errno) in try Self.name(paths[disk]) }
    return findings.map(\.content)
  }

  /// What lies on the open device or file `descriptor` and in its partitions.
  ///
  /// The descriptor's position and flags stay as they are; the helper opens the file again.
  mutating func probeDisk(_ descriptor: borrowing OwnedDescriptor) -> ProbedContent {
    var findings = probe(count: 1) { _ throws(Errno) in try descriptor.duplicate() }
    probePartitions(of: &findings) { _ throws(Errno) in try descriptor.duplicate() }
    return findings[0].content
  }

  private mutating func findings(_ paths: [FilePath]) -> [ProbeFinding] {
    probe(count: paths.count, name: { paths[$0].string }) { index throws(Errno) in try Self.name(paths[index])
    }
  }

  /// Names the file without opening the device, which could hang.
  private static func name(_ path: FilePath) throws(Errno) -> OwnedDescriptor {
    try OwnedDescriptor(opening: path, [.pathOnly])
  }

  /// A second round over the ranges of all partitions of all disks.
  private mutating func probePartitions(
    of disks: inout [ProbeFinding], open: (Int) throws(Errno) -> OwnedDescriptor
  ) {
    var places: [(disk: Int, entry: Int, range: ByteRange)] = []
    for (disk, finding) in disks.enumerated() {
      let entries = finding.content.partitionTable?.entries ?? []
      for (index, entry) in entries.enumerated().prefix(Self.partitionLimit) where !entry.isExtended {
        guard let range = entry.range(onDiskOf: finding.size) else { continue }
        places.append((disk, index, range))
      }
    }
    let found = probe(count: places.count, range: { places[$0].range }) { index throws(Errno) in
      try open(places[index].disk)
    }
    for (place, finding) in zip(places, found) {
      disks[place.disk].content.partitionTable?.entries[place.entry].content = finding.content
    }
  }
}
