import SystemPackage

/// How much a raw image grows when differences are written to it: what of them falls into its holes.
///
/// The file is asked just in time, as the differences come.
final class HoleGrowth {
  /// What the image lies on now.
  struct Room: Sendable, Equatable {
    /// Tells file systems apart.
    let fileSystem: DeviceNumber
    /// Bytes that may be taken: what is free, less a reserve of 5 %.
    let available: UInt64
  }

  private let file: OwnedDescriptor
  /// Where in the file the device begins, in bytes.
  private let start: UInt64
  /// The hole or the data around the place that was asked for last, in bytes of the file.
  private var known = ByteRange(offset: 0, length: 0)
  private var isHole = false
  private var counted: UInt64 = 0

  /// - Parameter start: where in the file the device begins, in bytes (`lo_offset`).
  init(_ file: consuming OwnedDescriptor, start: UInt64 = 0) {
    self.file = file
    self.start = start
  }

  /// Counts what of `range` is a hole; ranges come in ascending order.
  func add(_ range: ByteRange) {
    var place = start + range.offset
    let end = start + range.end
    while place < end {
      if !(known.offset..<known.end).contains(place) {
        // A file that cannot tell its holes has none: what it takes is not known before it is full.
        guard (try? look(at: place)) != nil, known.end > place else { return }
      }
      let stop = min(end, known.end)
      if isHole { counted += stop - place }
      place = stop
    }
  }

  private func look(at place: UInt64) throws(Errno) {
    guard let data = try file.nextData(from: place) else {
      (known, isHole) = (ByteRange(place, upTo: .max), true)
      return
    }
    isHole = data > place
    known = ByteRange(place, upTo: isHole ? data : try file.nextHole(from: place))
  }

  /// Bytes that the file system must find.
  ///
  /// Blocks that were reserved beforehand (fallocate(2)) look like holes: no more is needed than the file lacks.
  func bytes() throws(Errno) -> UInt64 {
    let status = try FileStatus(of: file)
    return min(counted, status.size - min(status.size, status.allocated))
  }

  func room() throws(Errno) -> Room {
    let available = try FileSystem(of: file).available
    return Room(fileSystem: try FileStatus(of: file).identity.device, available: available - available / 20)
  }
}
