import SystemPackage
import Testing

@testable import DeviceResync

@Suite("what a monitor knows of a run")
struct RunViewTests {
  private func view(
    _ operation: RunRequest.Operation = .resync, _ writeBack: RunRequest.WriteBack = .staged,
    _ phases: [RunPhase] = [], keeping recoveryPoint: RecoveryPointKind? = nil
  ) -> RunView {
    var request = RunRequest(operation, pairs: [.init(primary: "/dev/a", recovery: "/dev/my disk")])
    request.writeBack = writeBack
    request.stateDirectory = "/srv/state"
    request.recoveryPoint = recoveryPoint
    var view = RunView(.resynchronize(request))
    for phase in phases { _ = view.take(.phase(phase, pair: 0)) }
    return view
  }

  private let repair = "vmresync repair '/dev/my disk' --state-dir /srv/state"

  @Test("staged: nothing is written before the commit, and repair finishes what comes after it")
  func staged() {
    var view = view(.resync, .staged, [.claiming, .settling, .comparing, .checking, .sealing])
    #expect(view.whatStands == ["nothing was written to the recovery"])
    _ = view.take(.phase(.committing, pair: 0))
    #expect(
      view.whatStands == ["whether it was committed is in the state; finish or drop it with: \(repair)"])
    _ = view.take(.committed(bytes: 100))
    for phase in [RunPhase.applying, .flushing, .verifying, .recording] {
      _ = view.take(.phase(phase, pair: 0))
      #expect(view.whatStands == ["the commit stands; finish it with: \(repair)"])
      #expect(view.isCommitted)
    }
    _ = view.take(.applied)
    #expect(!view.isCommitted && view.whatStands == ["what was committed is applied"])
  }

  @Test("in place: mixed from the first comparison on")
  func inPlace() {
    #expect(
      view(.resync, .inPlace, [.claiming, .settling]).whatStands == ["nothing was written to the recovery"])
    let words = view(.resync, .inPlace, [.settling, .comparing, .flushing]).whatStands
    #expect(words.count == 1 && words[0].contains("mixed") && words[0].contains("run again"))
  }

  @Test("in place, with old bytes kept: mixed from the comparison on that follows them")
  func keeping() {
    let phases = [RunPhase.settling, .comparing, .checking, .sealing]
    #expect(
      view(.resync, .inPlace, phases, keeping: .undo).whatStands == ["nothing was written to the recovery"])
    let words = view(.resync, .inPlace, phases + [.comparing], keeping: .undo).whatStands
    #expect(words.count == 1 && words[0].contains("mixed"))
    #expect(view(.resync, .inPlace, phases, keeping: .snapshot).whatStands[0].contains("mixed"))
  }

  @Test("compare, and a dry run, have nothing to say of it")
  func reading() {
    #expect(view(.compare, .inPlace, [.comparing]).whatStands.isEmpty)
    var request = RunRequest.dryRun
    request.writeBack = .staged
    var dry = RunView(.resynchronize(request))
    _ = dry.take(.phase(.comparing, pair: 0))
    #expect(dry.whatStands.isEmpty)
  }

  @Test("repair names its paths, and knows of the commit that it finishes")
  func repairing() {
    var view = RunView(.repair(RepairRequest(["/dev/a", "/dev/b"], stateDirectory: "/var/lib/vmresync")))
    _ = view.take(.committed(bytes: 7))
    #expect(view.whatStands == ["the commit stands; finish it with: vmresync repair /dev/a /dev/b"])
  }

  @Test("what is left of a commit is counted from it on")
  func left() {
    var view = view()
    #expect(view.bytesLeft == nil)
    var progress = Messages.progress
    progress.bytesWritten = 50
    _ = view.take(.progress(progress))
    _ = view.take(.committed(bytes: 100))
    #expect(view.bytesLeft == 100)
    progress.bytesWritten = 80
    _ = view.take(.progress(progress))
    #expect(view.bytesLeft == 70)
    progress.bytesWritten = 1000
    _ = view.take(.progress(progress))
    #expect(view.bytesLeft == 0)
  }

  @Test("progress is no movement, nor is a sign of life that says the same or is of one pair; all else is")
  func movement() {
    var view = view()
    func moves(_ event: RunEvent) -> Bool { view.take(event) }
    #expect(moves(.activity(movements: 1, waiting: [])))
    #expect(!moves(.activity(movements: 1, waiting: [Activity("read")])))
    #expect(moves(.activity(movements: 2, waiting: [])))
    #expect(!moves(.progress(Messages.progress)))
    for event in Messages.events {
      switch event {
      case .progress, .activity, .pairs, .ending: break
      default: #expect(moves(event))
      }
    }
  }

  @Test("a stall is 32772, with phase, calls, ranges and what is held; the pair has an error for each")
  func stalled() {
    var view = view(.resync, .inPlace)
    var request = RunRequest.resync
    request.writeBack = .inPlace
    view.take(PlanReport(Plan(request, [Scene().facts])))
    _ = view.take(.phase(.comparing, pair: 0))
    let waiting = [
      Activity("write", on: "/dev/loop0", range: ByteRange(offset: 4096, length: 8192)),
      Activity("open for reading", on: "/dev/c"),
    ]
    _ = view.take(.activity(movements: 1, waiting: waiting))
    let end = WorkerEnd(process: 4711, state: "D", isGone: false, held: ["/dev/loop0"])
    let result = view.stalled(for: 900, end)
    #expect(result.returnValue == .timeout && result.exitStatus == 44)
    for part in [
      "nothing has moved for 15 min 0 s while comparing", "write bytes 4096–12287 of /dev/loop0",
      "open for reading /dev/c", "pid 4711, was killed and still holds /dev/loop0", "mixed",
    ] { #expect(result.message.contains(part), "\(result.message)") }
    #expect(result.pairs.count == 1 && result.pairs[0].returnValue == .timeout)
    #expect(result.pairs[0].errors.map(\.attempt) == ["write", "open for reading"])
    #expect(result.pairs[0].errors[0].range == ByteRange(offset: 4096, length: 8192))
    #expect(result.pairs[0].errors[0].returnValue == .timeout)
    #expect(result.isIdentical == nil)
  }

  @Test("a worker that was stopped, and one that is gone, are told so")
  func stopped() {
    let view = view(.compare, .inPlace)
    let stopped = view.stalled(for: 2, WorkerEnd(process: 1, state: "T", isGone: true))
    #expect(stopped.message.contains("SIGSTOP") && stopped.message.contains("while starting"))
    #expect(stopped.message.contains("was killed") && !stopped.message.contains("holds"))
  }

  @Test("a death is 32768 with its phase")
  func death() {
    let result = view(.resync, .staged, [.comparing]).died("was ended by SIGSEGV", process: 12)
    #expect(result.returnValue == .failed && result.exitStatus == 40)
    #expect(result.message.hasPrefix("the worker, pid 12, was ended by SIGSEGV while comparing"))
    #expect(result.message.hasSuffix("nothing was written to the recovery"))
  }
}

@Suite("the clock of a stall")
struct StallClockTests {
  @Test("adds up what was waited, and begins anew with each movement")
  func waits() {
    var clock = StallClock(limit: 10)
    clock.elapse(4, asked: 4)
    clock.elapse(4, asked: 4)
    #expect(clock.left == 2)
    clock.move()
    #expect(clock.left == 10)
    clock.elapse(9.9, asked: 9.9)
    #expect(clock.left > 0)
    clock.elapse(0.2, asked: 0.1)
    #expect(clock.left == 0 && clock.quiet > 10)
  }

  @Test("counts next to nothing of a gap, but something")
  func gap() {
    var clock = StallClock(limit: 900)
    clock.elapse(86400, asked: 1)
    #expect(clock.quiet == StallClock.grace)
    clock.elapse(-5, asked: 1)
    #expect(clock.quiet == StallClock.grace)
  }
}

@Suite("what is under way")
struct UnderWayTests {
  @Test("a call is named while it has not come back, and its beginning and end are movements")
  func attempts() throws {
    let before = UnderWay.movements
    func mine() -> [Activity] { UnderWay.attempts.filter { $0.device == "/dev/under-way" } }
    try attempt("open", on: "/dev/under-way") { () throws(Errno) in
      #expect(mine() == [Activity("open", on: "/dev/under-way")])
      #expect(UnderWay.movements > before)
    }
    #expect(mine().isEmpty)
    #expect(
      refusal { () throws(ResyncError) in
        try attempt("open", on: "/dev/under-way") { () throws(Errno) in throw .ioError }
      } != nil)
    #expect(mine().isEmpty)
    #expect(UnderWay.movements >= before + 4)
  }

  @Test("requests in flight are named by the file that they go to, until they end")
  func requests() throws {
    let primary = try OwnedDescriptor(opening: "/dev/zero", .readOnly)
    let recovery = try OwnedDescriptor(opening: "/dev/full", .readOnly)
    var requests: InFlightRequests? = InFlightRequests(
      capacity: 4, files: (primary.rawValue, recovery.rawValue))
    func mine() -> Set<String> {
      Set(
        InFlightBoard.activities.map(\.description).filter {
          $0.hasSuffix("/dev/zero") || $0.hasSuffix("/dev/full")
        })
    }
    #expect(mine().isEmpty)
    let read = BlockRequest(
      kind: .read, side: .primary, slot: 0, place: 0, range: ByteRange(offset: 4096, length: 8192))
    let write = BlockRequest(
      kind: .write, side: .recovery, slot: 0, place: 0, range: ByteRange(offset: 0, length: 512))
    let flush = BlockRequest(
      kind: .flush, side: .recovery, slot: 0, place: 0, range: ByteRange(offset: 0, length: 0))
    let tag = try requests?.add(read)
    _ = try requests?.add(write)
    _ = try requests?.add(flush)
    #expect(
      mine() == ["read bytes 4096–12287 of /dev/zero", "write bytes 0–511 of /dev/full", "flush /dev/full"])
    _ = requests?.remove(try #require(tag))
    #expect(mine() == ["write bytes 0–511 of /dev/full", "flush /dev/full"])
    requests = nil
    #expect(mine().isEmpty)
  }
}
