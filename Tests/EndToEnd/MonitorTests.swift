import Glibc
import SystemPackage
import Testing

@testable import DeviceResync

/// PITFALLS E4, E6, E10: the process that touches disks, and the one that answers for it.
@Suite("a worker and its monitor", .ownPlace, .tags(.devices, .slow)) struct MonitorTests {
  private func images() throws -> (primary: Image, recovery: Image) {
    let primary = try Image("primary", size: LongRun.size)
    for place in stride(from: UInt64(0), to: 64 << 20, by: 1 << 20) {
      try primary.write(randomBytes(512, seed: place), at: place)
    }
    return (primary, try Image("recovery", size: LongRun.size))
  }

  /// A staged run of a pair that stands at its first write: the commit is made.
  private func whileApplying(
    _ pair: borrowing FaultPair, _ state: StateDirectory,
    _ body: (borrowing Child, WorkerProcess) throws -> Void
  ) throws -> Child {
    let words = Operation.resync.words(pair.primary.node, pair.recovery.node, state.options)
    let run = try Command.start(words)
    try pair.recovery.stalling("write *") { try body(run, try run.worker()) }
    return run
  }

  @Test(
    "only the worker has disks; it has a group of its own, and nothing of the monitor's but its two pipes")
  func descriptors() throws {
    let images = try images()
    let run = try LongRun(.compare, images.primary.path, images.recovery.path)
    let (monitor, worker) = (run.child.id, run.worker.id)
    _ = try run.stopped {
      let ours = pathsHeld(by: monitor)
      #expect(ours.allSatisfy { !$0.hasPrefix("/dev/loop") && !$0.hasPrefix(images.primary.path) }, "\(ours)")
      let theirs = pathsHeld(by: worker)
      #expect(
        theirs.contains { $0.hasPrefix("/dev/loop") } && theirs.contains(images.recovery.path), "\(theirs)")
      func link(_ process: pid_t, _ number: Int) throws -> String? {
        try linkTarget(FilePath("/proc/\(process)/fd/\(number)"))?.string
      }
      #expect(try link(worker, 0) == "/dev/null" && link(worker, 1) == "/dev/null")
      #expect(try link(worker, 2) == link(monitor, 2))
      for number in [3, 4] {
        #expect(try link(worker, number)?.hasPrefix("pipe:") == true)
        let flags = try readText(FilePath("/proc/\(worker)/fdinfo/\(number)"))
        #expect(flags.contains("flags:\t02"), "close-on-exec: \(flags)")
      }
      let pipes = theirs.filter { $0.hasPrefix("pipe:") }
      #expect(pipes.count == 2 && pipes.allSatisfy(ours.contains), "\(theirs)")
      let fields = try readText(FilePath("/proc/\(worker)/stat"))
      #expect(
        fields[(fields.lastIndex(of: ")") ?? fields.startIndex)...].split(separator: " ")[3] == "\(worker)")
    }
  }

  @Test(
    "a worker that dies is 32768 with its signal and phase: staged, the old recovery stands",
    arguments: [SIGKILL, SIGUSR2])
  func killed(_ signal: CInt) throws {
    let state = try StateDirectory()
    let images = try images()
    let run = try LongRun(.resync, images.primary.path, images.recovery.path, state.options)
    run.worker.signal(signal)
    let report = try run.finish()
    expect(report, 32768)
    let name = signal == SIGKILL ? "SIGKILL" : "SIGUSR2"
    #expect(
      report.message.contains("was ended by \(name)") && report.message.contains("while comparing"),
      "\(report)")
    #expect(report.message.contains("nothing was written to the recovery"), "\(report)")
    expect(try state.repair(images.recovery.path), 0)
    try state.expect("Never")
    #expect(areEqual(try images.recovery.bytes(64 << 20, at: 0), [UInt8](repeating: 0, count: 64 << 20)))
  }

  @Test("in place, that the recovery may be mixed; beyond a commit, that repair finishes it")
  func killedWriting() throws {
    let pair = try FaultPair()
    let run = try pair.start()
    try pair.recovery.stalling("write *") { try run.worker().signal(SIGKILL) }
    let report = try Report(run.wait())
    expect(report, 32768)
    #expect(report.message.contains("mixed"), "\(report)")
    try pair.expectHealing()

    let other = try FaultPair()
    let state = try StateDirectory()
    let applying = try whileApplying(other, state) { _, worker in worker.signal(SIGKILL) }
    let ended = try Report(applying.wait())
    expect(ended, 32768)
    #expect(ended.message.contains("the commit stands; finish it with: vmresync repair"), "\(ended)")
    expect(try state.repair(other.recovery.node), 0)
    #expect(areEqual(try other.recovery.bytes(), FaultPair.bytes))
  }

  @Test("kill -9 of the monitor before the commit: the worker ends, and nothing is written")
  func orphanBeforeCommit() throws {
    let state = try StateDirectory()
    let images = try images()
    let run = try LongRun(.resync, images.primary.path, images.recovery.path, state.options)
    let worker = run.worker
    run.child.signal(SIGKILL)
    #expect(eventually(within: 20) { worker.hasEnded }, "the worker goes on")
    #expect(areEqual(try images.recovery.bytes(64 << 20, at: 0), [UInt8](repeating: 0, count: 64 << 20)))
    #expect(eventually(within: 2) { !isAttached(images.recovery.path) && !isAttached(images.primary.path) })
    // What it had staged waits for the same command, or for this one.
    #expect(try state.states() == ["Resynchronizing"])
    expect(try state.repair(images.recovery.path), 0)
    try state.expect("Never")
  }

  @Test("the same while a person is asked: nothing was begun")
  func orphanWhileAsked() throws {
    let pair = try TestPair(differing: .images)
    let command =
      ([Command.path, "resync", "--primary", pair.primary, "--recovery", pair.recovery, "--progress", "none"]
      + ["--write-back", "staged", "--state-dir", Place.ours("state")]).joined(separator: " ")
    let child = try Child(["script", "--quiet", "--flush", "--return", "--command", command, "/dev/null"])
    try child.waitUntilItSays("[y/N]")
    let worker = try child.worker()
    let text = try readText(FilePath("/proc/\(worker.id)/stat"))
    let monitor = text[(text.lastIndex(of: ")") ?? text.startIndex)...].split(separator: " ")[2]
    kill(try #require(pid_t(monitor)), SIGKILL)
    #expect(eventually(within: 20) { worker.hasEnded })
    try pair.expectUntouched()
  }

  @Test("kill -9 of the monitor beyond the commit: the worker finishes alone")
  func orphanBeyondCommit() throws {
    let pair = try FaultPair()
    let state = try StateDirectory()
    var worker: WorkerProcess?
    let run = try whileApplying(pair, state) { run, process in
      worker = process
      run.signal(SIGKILL)
      let hasEnded = eventually(within: 5) { run.hasEnded }
      #expect(hasEnded)
      let states = try state.states()
      #expect(states == ["Applying"])
    }
    #expect(try run.wait().signal == SIGKILL)
    #expect(eventually(within: 20) { worker?.hasEnded ?? false })
    try state.expect("Consistent")
    #expect(areEqual(try pair.recovery.bytes(), FaultPair.bytes))
  }

  @Test("a signal while the staging file is sealed and read back: no commit, nothing is written")
  func signalWhileSealing() throws {
    let pair = try TestPair(differing: .images)
    let state = try StateDirectory()
    let words = Operation.resync.words(
      pair.primary, pair.recovery, state.options + ["--engine", "threads", "--progress", "json"])
    // Each flush takes its time, the seal's too; strace keeps out of the signal's way.
    let run = try Command.start(
      words,
      through: [
        "strace", "-D", "-f", "-o", "/dev/null", "-e", "trace=fdatasync",
        "-e", "inject=fdatasync:delay_enter=700000",
      ])
    let isSealing = try eventually(within: 40) { try run.complained().contains("\"Phase\":\"sealing\"") }
    #expect(isSealing)
    run.signal(SIGTERM)
    expect(try Report(run.wait()), 32768, status: 21)
    try pair.expectUntouched()
    try state.expect("Never")
  }

  @Test(
    "a signal beyond the commit says what is left, and the run is finished; SIGTERM to every process counts once"
  )
  func signalBeyondCommit() throws {
    let pair = try FaultPair()
    let state = try StateDirectory()
    let run = try whileApplying(pair, state) { run, worker in
      run.signal(SIGTERM)
      worker.signal(SIGTERM)
      worker.signal(SIGTERM)
      let came = try eventually(within: 20) {
        try run.complained().contains("finishing what was committed, 64 KiB left")
      }
      #expect(came)
    }
    let report = try Report(run.wait())
    expect(report, 0)
    #expect(areEqual(try pair.recovery.bytes(), FaultPair.bytes))
    try state.expect("Consistent")
  }

  @Test("a second signal beyond the commit stops after what is under way: Applying, and repair finishes it")
  func secondSignalBeyondCommit() throws {
    let state = try StateDirectory()
    let bytes = randomBytes(32 << 20, seed: 5)
    let primary = try FaultDisk(bytes)
    let recovery = try FaultDisk([UInt8](repeating: 0, count: 32 << 20))
    let words = Operation.resync.words(
      primary.node, recovery.node, state.options + ["--accept-content-change"] + Child.tellsEvents)
    let run = try Command.start(words)
    try recovery.stalling("write *") {
      run.signal(SIGTERM)
      try run.waitUntilEnding()
      #expect(try run.complained().contains("finishing what was committed"))
      run.signal(SIGTERM)
      try run.waitUntilEnding(2)
    }
    let report = try Report(run.wait())
    expect(report, 32768, status: 21)
    #expect(try state.states() == ["Applying"])
    let ways = report.pair()["Errors"].array.compactMap { $0["Message"].text }
    #expect(ways.contains { $0.contains("vmresync repair") }, "\(report)")
    expect(try state.repair(recovery.node), 0)
    #expect(areEqual(try recovery.bytes(), bytes))
  }

  @Test("^C in a terminal reaches the run once, through the monitor")
  func terminal() throws {
    let pair = try FaultPair()
    let state = try StateDirectory()
    // Without the shell, which is in the foreground too, and would end by the signal.
    let command =
      ([
        "exec", Command.path, "resync", "--yes", "--primary", pair.primary.node, "--recovery",
        pair.recovery.node,
      ]
      + ["--progress", "none"] + state.options).joined(separator: " ")
    let child = try Child(["script", "--quiet", "--flush", "--return", "--command", command, "/dev/null"])
    try pair.recovery.stalling("write *") {
      try child.say("\u{3}")
      try child.waitUntilItSays("finishing what was committed")
    }
    let ended = try child.wait()
    #expect(ended.status == 0, "\(ended)")
    try state.expect("Consistent")
  }

  @Test("--progress json: each line of standard error is an object, beside the one on standard output")
  func progress() throws {
    let pair = try FaultPair()
    let state = try StateDirectory()
    let words = Operation.resync.words(
      pair.primary.node, pair.recovery.node, state.options + ["--progress", "json"])
    let run = try Command.start(words)
    // Long enough for progress, and for what is waited for.
    try pair.primary.stalling("read \(3 << 20)+4096") {
      let came = try eventually(within: 20) { try run.complained().contains("\"Event\":\"waiting\"") }
      #expect(came)
      let isShown = try eventually(within: 20) { try run.complained().contains("\"Event\":\"progress\"") }
      #expect(isShown)
    }
    let report = try Report(run.wait())
    expect(report, 0)
    let lines = try report.ended.error.split(separator: "\n").map { try JSONValue(parsing: String($0)) }
    let phases = lines.filter { $0["Event"].text == "phase" }.compactMap { $0["Phase"].text }
    #expect(
      phases == [
        "planning", "claiming", "settling", "comparing", "checking", "sealing", "committing", "applying",
        "flushing",
        "verifying", "recording", "closing",
      ], "\(phases)")
    let progress = lines.filter { $0["Event"].text == "progress" }
    for line in progress {
      let (done, total) = (line["BytesDone"].int ?? -1, line["BytesTotal"].int ?? -1)
      #expect(done >= 0 && done <= total && total == 4 << 20)
      #expect((0...100).contains(line["PercentComplete"].int ?? -1))
    }
    #expect(!progress.isEmpty)
    let waiting = lines.filter { $0["Event"].text == "waiting" }.flatMap { $0["Waiting"].array }
    #expect(waiting.contains { $0["Attempt"].text == "read" && $0["Device"].text == pair.primary.node })
    #expect(lines.contains { $0["Event"].text == "committed" && $0["BytesToWrite"].int == 65536 })
    #expect(lines.contains { $0["Event"].text == "applied" })
  }

  @Test("a worker without a monitor ends, and touches nothing")
  func noMonitor() throws {
    let script = #"exec -a "vmresync: worker" "$1" 3</dev/null 4>/dev/null"#
    let ended = try Child(["bash", "-c", script, "bash", Command.path]).wait()
    #expect(ended.status == 1 && ended.output.isEmpty, "\(ended)")
    // With pipes, but nothing that is a request.
    let garbage =
      #"printf '%s\n' '{"resynchronize":{}}' | (exec -a "vmresync: worker" "$1" 3<&0 4> >(cat >&2))"#
    let refused = try Child(["bash", "-c", garbage, "bash", Command.path]).wait()
    #expect(refused.status == 1, "\(refused)")
  }
}
