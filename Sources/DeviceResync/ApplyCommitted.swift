import SystemPackage

/// What applying a committed staging file to one recovery did, in bytes.
struct Applied: Sendable, Equatable {
  var written: UInt64
  /// Of these, punched out.
  var zeroed: UInt64
  /// Whether zeros were punched out, as far as there were any.
  var isThin: Bool
  /// Handed to the recovery, whether it arrived or not.
  var submitted: UInt64
  /// Read back and found right; 0 where that was not asked for.
  var proved: UInt64
}

/// Steps 7 and 8 for one recovery: writes its records, flushes, drops what other nodes have cached, and reads all
/// of it back where `proves`.
///
/// - Parameters:
///   - recovery: claimed.
///   - planned: what the plan knows of it.
///   - pair: its number in the staging file.
/// - Throws: the first failure; the state stays Applying then, and `vmresync repair` goes on.
func applyCommitted(
  _ staging: ValidatedStaging, from directory: borrowing StagingDirectory,
  to recovery: borrowing RecoveryDevice,
  _ planned: NamedDisk, pair: Int, mode: ApplyMode, proves: Bool, _ engine: Engine,
  _ zero: RunRequest.Zero,
  _ control: RunControl, _ reporter: RunReporter
) throws(ResyncError) -> Applied {
  reporter.begin(.applying)
  let name = recovery.disk.identity.path
  var queue = try stagingQueue(staging, directory, recovery, engine)
  let tail = try ImageTail(of: recovery.disk, name)
  let punches = zero == .thin && recovery.disk.takesPunches(planned)
  var totals = ApplyTotals()
  let ending = try applyStaging(
    staging, pair: pair, mode: mode, punches: punches, through: &queue, tail: tail, control: control,
    totals: &totals)
  reporter.begin(.flushing)
  reporter.wait(for: [recovery.disk.number])
  // Through the descriptor that was open before the first write (PITFALLS D6).
  try attempt("flush", on: name, side: .recovery, .transfer) { () throws(Errno) in
    try recovery.disk.device.synchronizeData()
  }
  guard ending == .complete else { throw stopped(control, name) }
  reporter.wait(for: [recovery.disk.number] + planned.related.map(\.number))
  try settle(recovery.disk, planned.related, .recovery, droppingCaches: true)
  var applied = Applied(
    written: totals.bytesWritten, zeroed: totals.bytesZeroed, isThin: punches && !totals.refusedPunch,
    submitted: totals.bytesSubmitted, proved: 0)
  guard proves else { return applied }
  reporter.begin(.verifying)
  guard
    let proved = try proveAgainstDigests(staging, pair: pair, through: &queue, tail: tail, control: control)
  else { throw stopped(control, name) }
  applied.proved = proved
  return applied
}

/// Sees that every block which is to be written holds its old or its new bytes; nothing is written.
func checkCommitted(
  _ staging: ValidatedStaging, from directory: borrowing StagingDirectory,
  to recovery: borrowing RecoveryDevice,
  pair: Int, _ engine: Engine, _ control: RunControl
) throws(ResyncError) {
  let name = recovery.disk.identity.path
  var queue = try stagingQueue(staging, directory, recovery, engine)
  let tail = try ImageTail(of: recovery.disk, name)
  guard try checkTargets(staging, pair: pair, through: &queue, tail: tail, control: control) else {
    throw stopped(control, name)
  }
}

/// Sees that the recovery holds what the run wrote and nothing else; nothing is written.
func checkWayBack(
  _ staging: ValidatedStaging, from directory: borrowing StagingDirectory,
  to recovery: borrowing RecoveryDevice, pair: Int, isStrict: Bool, growth: HoleGrowth?, _ engine: Engine,
  _ control: RunControl
) throws(ResyncError) {
  let name = recovery.disk.identity.path
  var queue = try stagingQueue(staging, directory, recovery, engine)
  let tail = try ImageTail(of: recovery.disk, name)
  do throws(ResyncError) {
    let isWhole = try checkWayBack(
      staging, pair: pair, isStrict: isStrict, growth: growth, through: &queue, tail: tail, control: control)
    guard isWhole else {
      throw control.ending("go back on", on: name, side: .recovery, "nothing was written")
    }
  } catch {
    throw error.naming(SideNames(primary: staging.name, recovery: name))
  }
}

/// The last look at a recovery before it may be called what was committed: it is the same disk, and nobody else wrote
/// to it since its witness was taken.
///
/// - Parameter submitted: bytes that we have handed to its device since; nil where we have written nothing, so that its
///   image's times tell of others too.
@discardableResult
func checkUntouched(
  _ recovery: borrowing RecoveryDevice, _ planned: NamedDisk, _ witness: Witness, submitted: UInt64?
) throws(ResyncError) -> Witness.Finding {
  // What somebody wrote through a page cache counts only when it is written back.
  try settle(recovery.disk, planned.related, .recovery, droppingCaches: true)
  try recovery.disk.checkUnchanged(.recovery)
  let finding = try witness.find(
    recovery.disk, planned, .recovery, ownBytes: submitted ?? 0, ownChange: submitted != nil)
  if let bytes = finding.foreignBytes, bytes > 0 {
    throw ResyncError(
      .foreignWrite, "trust", on: recovery.disk.identity.path, side: .recovery,
      reason: "somebody else wrote \(bytes) bytes to it during the run",
      remedy: "find the writer with: \(CallContext.current.typed(.devices)); stop it, then run again")
  }
  if submitted == nil, finding.fileChanged == true {
    throw ResyncError(
      .foreignWrite, "trust", on: recovery.disk.identity.path, side: .recovery,
      reason: "somebody else has changed its file during the run",
      remedy: "find the writer with: \(CallContext.current.typed(.devices)); stop it, then run again")
  }
  return finding
}

/// A queue whose primary is the staging file.
private func stagingQueue(
  _ staging: ValidatedStaging, _ directory: borrowing StagingDirectory, _ recovery: borrowing RecoveryDevice,
  _ engine: Engine
) throws(ResyncError) -> DiskQueue {
  let file = try directory.open(staging.name)
  let name = recovery.disk.identity.path
  return try attempt("set up \(engine.rawValue) for", on: name, side: .recovery, .setUp) { () throws(Errno) in
    try DiskQueue(
      primary: file, recovery: recovery.disk.device, geometry: StagingFormat.geometry(), engine: engine)
  }
}

/// A second request to end has come: what is committed is not applied or not proved, and stays to be finished.
private func stopped(_ control: RunControl, _ name: String) -> ResyncError {
  control.ending(
    "finish", on: name, side: .recovery, "the commit stands",
    remedy: "finish it with: \(CallContext.current.typed(.repair, name))")
}

extension ImageTail {
  /// Of an image that has bytes beyond its loop; nil where there is no image.
  init?(of disk: borrowing OpenedDisk, _ name: String) throws(ResyncError) {
    guard disk.image != nil else { return nil }
    let (device, image) = try attempt(
      "duplicate the descriptor of", on: name, side: .recovery, .setUp
    ) { () throws(Errno) in
      switch disk.image {
      case .some(let image):
        (SharedDescriptor(try disk.device.duplicate()), SharedDescriptor(try image.duplicate()))
      case .none: throw Errno.badFileDescriptor
      }
    }
    self.init(
      read: { (range) throws(ResyncError) in
        try attempt("read the last bytes of", on: name, side: .recovery, .transfer) { () throws(Errno) in
          // From the file system, not from what a write has left in memory (PITFALLS C7).
          try image.descriptor.dropCachedPages(from: range.offset)
          return try image.descriptor.read(Int(range.length), at: range.offset)
        }
      },
      write: { (bytes, range) throws(ResyncError) in
        try attempt("write the last bytes of", on: name, side: .recovery, .transfer) { () throws(Errno) in
          // The loop's own writes are down first: this write takes their page along.
          try device.descriptor.synchronizeData()
          try image.descriptor.write(bytes, at: range.offset)
          try image.descriptor.synchronizeData()
        }
      })
  }
}

/// A descriptor that two closures share.
private final class SharedDescriptor: Sendable {
  let descriptor: OwnedDescriptor
  init(_ descriptor: consuming OwnedDescriptor) { self.descriptor = descriptor }
}
