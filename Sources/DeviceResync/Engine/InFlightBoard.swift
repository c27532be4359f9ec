import Synchronization
import SystemPackage

/// Where one queue's thread notes which requests the kernel has, so that another can tell when they do not end.
///
/// Two plain stores a request; nothing waits. What is read while requests come and go may be mixed up: it is looked
/// at when things stand still.
final class InFlightBoard: Sendable {
  /// Requests that it has room for; a queue with more in flight shows these.
  static let places = 128

  /// What the files are called.
  private let names: (primary: String?, recovery: String?)
  /// Whose queue it is; nil where all may use it.
  private let strand = Strand.current
  private let offsets: InlineArray<128, Atomic<UInt64>>
  /// Length, then two bits of what and one of whose; 0: free.
  private let lengths: InlineArray<128, Atomic<UInt64>>

  /// The boards of all queues of this process.
  private static let all = Guarded<[InFlightBoard]>([])

  /// - Parameter files: descriptors of what requests go to; they may be closed, or be another's, later.
  init(files: (primary: CInt, recovery: CInt)) {
    // The kernel's own word on where a descriptor leads; it asks no device.
    func name(_ file: CInt) -> String? { (try? linkTarget(FilePath("/proc/self/fd/\(file)")))?.string }
    names = (name(files.primary), name(files.recovery))
    offsets = InlineArray { _ in Atomic(0) }
    lengths = InlineArray { _ in Atomic(0) }
  }

  /// Shows it from now on.
  func show() { Self.all.withLock { $0.append(self) } }

  /// Shows it no longer.
  func hide() { Self.all.withLock { $0.removeAll { $0 === self } } }

  @inline(__always)
  func add(_ request: BlockRequest, at place: Int) {
    guard place < Self.places else { return }
    let kind: UInt64 =
      switch request.kind {
      // A punch has a length, so that it is never 0 as a whole.
      case .punch: 0
      case .read: 1
      case .write: 2
      case .flush: 3
      }
    offsets[place].store(request.range.offset, ordering: .relaxed)
    lengths[place].store(
      request.range.length << 3 | kind << 1 | (request.side == .recovery ? 1 : 0), ordering: .relaxed)
  }

  @inline(__always)
  func remove(_ place: Int) {
    if place < Self.places { lengths[place].store(0, ordering: .relaxed) }
    Strand.current?.move()
  }

  /// What every queue of this process has in flight, each by the name of the file that it goes to.
  static var activities: [Activity] { all.withLock { $0.flatMap(\.activities) } }

  /// The same of the queues of one strand; of none, those that all strands use.
  static func activities(of strand: Strand?) -> [Activity] {
    all.withLock { $0.filter { $0.strand === strand }.flatMap(\.activities) }
  }

  private var activities: [Activity] {
    (0..<Self.places).compactMap { place in
      let packed = lengths[place].load(ordering: .relaxed)
      guard packed != 0 else { return nil }
      let verb = ["punch", "read", "write", "flush"][Int(packed >> 1 & 3)]
      let name = packed & 1 == 1 ? names.recovery : names.primary
      let (offset, length) = (offsets[place].load(ordering: .relaxed), packed >> 3)
      let isRange = length > 0 && !offset.addingReportingOverflow(length).overflow
      return Activity(
        verb, on: name, range: isRange ? ByteRange(offset: offset, length: length) : nil)
    }
  }
}
