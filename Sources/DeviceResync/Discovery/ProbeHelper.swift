import CProbe
import SystemPackage

/// The process that probes: this executable again, which reads guests' bytes in sandboxed children only.
///
/// PITFALLS F1. Letting go of it ends it and them. It never throws: what it cannot find out is `unknown` with a
/// reason, and a run goes on. It stays on the thread that made it, because the helper ends with that thread.
struct ProbeHelper: ~Copyable {
  /// How long a device may take, in milliseconds.
  struct Deadlines: Sendable {
    /// For the first 4 KiB; a sleeping disk spins up meanwhile.
    var answer: UInt32 = 10_000
    /// For libblkid, from then on.
    var probe: UInt32 = 10_000
  }

  /// Requests under way: two that the helper works on, two that wait for it so that it never waits for us.
  private static let window = 4
  /// Helpers that may end without an answer, one after the other, before no more is started.
  private static let patience = 3

  private let executable: FilePath
  private let deadlines: Deadlines
  private var process: ProbeProcess?
  private var failure = "the probing helper was not started"
  private var nextID: UInt32 = 0
  private var silentEnds = 0

  /// Whether a child was without Landlock, because the kernel has none or did not turn it on.
  private(set) var lacksLandlock = false

  /// Starts the helper, so that it gets ready while others look around.
  ///
  /// - Parameter executable: a program that calls `probe_helper_enter` first in main; tests name another.
  init(executable: FilePath = "/proc/self/exe", deadlines: Deadlines = Deadlines()) {
    self.executable = executable
    self.deadlines = deadlines
    start()
  }

  /// The helper's process id; nil where none runs.
  var processID: CInt? {
    switch process {
    case .some(let process): process.id
    case nil: nil
    }
  }

  /// Probes `count` things and returns what lies on each, in their order.
  ///
  /// - Parameters:
  ///   - range: which bytes of the n-th; nil for all.
  ///   - name: what the n-th is called while it has not answered (``UnderWay``).
  ///   - open: gives the n-th's descriptor just before it is needed; one that only names the file
  ///     (`O_PATH`) does, and cannot hang. It is closed as soon as the helper has it.
  mutating func probe(
    count: Int, range: (Int) -> ByteRange? = { _ in nil }, name: (Int) -> String? = { _ in nil },
    open: (Int) throws(Errno) -> OwnedDescriptor
  ) -> [ProbeFinding] {
    var findings = [ProbeFinding?](repeating: nil, count: count)
    var waiting: [UInt32: Waiting] = [:]
    var next = 0
    silentEnds = 0
    while next < count || !waiting.isEmpty {
      do throws(ProbeProcess.Failure) {
        while next < count, waiting.count < Self.window, isRunning {
          findings[next] = try send(range(next), open, of: next, name(next), &waiting)
          next += 1
        }
        guard isRunning else { break }
        guard !waiting.isEmpty else { continue }
        let answer = try receive()
        // An id that nobody waits for, or the same one twice: not our helper any more.
        guard let answered = waiting.removeValue(forKey: answer.id) else { throw .garbage }
        UnderWay.end(answered.ticket)
        findings[answered.index] = ProbeFinding(content: answer.content, size: answer.size)
        lacksLandlock = lacksLandlock || (answer.content.outcome == .probed && !answer.hadLandlock)
        silentEnds = 0
      } catch {
        for left in waiting.values {
          UnderWay.end(left.ticket)
          findings[left.index] = .unknown(error.reason)
        }
        waiting = [:]
        replaceProcess(after: error)
      }
    }
    return findings.map { $0 ?? .unknown(failure) }
  }

  /// A request that is not answered.
  private struct Waiting {
    let index: Int
    let ticket: UInt64
  }

  private var isRunning: Bool { processID != nil }

  /// Ends the helper, and starts another unless too many have ended without an answer.
  private mutating func replaceProcess(after failure: ProbeProcess.Failure) {
    process = nil
    self.failure = failure.reason
    silentEnds += 1
    if silentEnds < Self.patience { start() }
  }

  private mutating func start() {
    // Else /proc/self/exe would run an unwitting program once more.
    guard executable != "/proc/self/exe" || probe_helper_can_enter() else {
      failure = "this program's main does not call probe_helper_enter"
      return
    }
    do throws(Errno) {
      process = try ProbeProcess(executable)
    } catch {
      failure = "the probing helper could not be started: \(error) (\(error.name))"
    }
  }

  /// Sends one request and notes it in `waiting`; returns why not, where its descriptor could not be had.
  private mutating func send(
    _ range: ByteRange?, _ open: (Int) throws(Errno) -> OwnedDescriptor, of index: Int,
    _ name: String?, _ waiting: inout [UInt32: Waiting]
  ) throws(ProbeProcess.Failure) -> ProbeFinding? {
    nextID &+= 1
    let request = probe_request(
      magic: UInt32(probe_magic), id: nextID, offset: range?.offset ?? 0, size: range?.length ?? 0,
      answer_deadline: deadlines.answer, probe_deadline: deadlines.probe)
    let descriptor: OwnedDescriptor
    do throws(Errno) {
      descriptor = try open(index)
    } catch {
      return .unknown("it could not be opened: \(error) (\(error.name))")
    }
    // Whatever the errno: a request that does not reach the helper has no helper.
    guard (try? process?.send(request, descriptor)) != nil else { throw .ended }
    waiting[nextID] = Waiting(index: index, ticket: UnderWay.begin(Activity("probe", on: name)))
    return nil
  }

  private func receive() throws(ProbeProcess.Failure) -> ProbeAnswer {
    // The helper keeps the deadlines; two seconds more and it is stuck itself.
    let patience = deadlines.answer + deadlines.probe + 2_000
    let bytes =
      switch process {
      case .some(let process): try process.receive(withinMilliseconds: patience)
      case nil: throw .ended
      }
    do throws(RecordReader.Refusal) {
      return try ProbeAnswer(decoding: bytes)
    } catch {
      throw .garbage
    }
  }
}

@available(*, unavailable)
extension ProbeHelper: Sendable {}

/// What the helper found out about one thing.
struct ProbeFinding: Sendable, Equatable {
  var content: ProbedContent
  /// Size of what was probed, in bytes; 0 where that was not found out.
  var size: UInt64

  static func unknown(_ reason: String) -> ProbeFinding {
    ProbeFinding(content: .unknown(reason), size: 0)
  }
}
