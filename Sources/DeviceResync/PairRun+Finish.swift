import Synchronization
import SystemPackage

extension PairRun {
  /// Tail, flush, caches and verification after a pass that may have written.
  ///
  /// What was written is flushed after a failure or a stop too, so that it is no worse than mixed; of two
  /// failures the first counts.
  mutating func finishWriting(
    _ outcome: Outcome, _ written: ByteRange?, _ marks: MarkedCells?, _ queue: inout DiskQueue
  ) throws(ResyncError) {
    var failure: ResyncError?
    var tail: ByteRange?
    do throws(ResyncError) {
      if try outcome.ending.get() == .complete { tail = try compareTail(writing: true) }
    } catch {
      failure = error
    }
    // A comparison that was complete before the second signal is not ended by it: it may yet say 0.
    var endsAtOnce = control.request.load(ordering: .acquiring) == .terminateAtOnce
    if case .success(.complete) = outcome.ending { endsAtOnce = false }
    var isFlushed = true
    if result.totals.bytesWritten > 0 || outcome.totals.bytesSubmitted > 0 {
      isFlushed = !endsAtOnce
      do throws(ResyncError) {
        if !endsAtOnce { try flush() }
      } catch {
        isFlushed = false
        if let failure { fail(failure) }
        failure = error
      }
    }
    let isComplete = if case .success(.complete) = outcome.ending { true } else { false }
    let reached = isFlushed && !isComplete ? reached(outcome.totals.settled) : nil
    standing?.reached = reached
    if let failure { throw failure }
    guard isComplete else { return }
    if let marks, request.readsBack || !marks.isEmpty {
      reporter.begin(.verifying)
      result.totals.bytesVerified = try verify(
        marks, through: &queue, blocks: blocks, size: commonSize, name: names[.recovery],
        judges: planned.sourceMode != .running, rules: ReadFaultRules(primary: faultRules.primary),
        control: control)
    }
    if let tail, request.readsBack || rewritten.list.last?.range == tail { try verifyTail(tail) }
    if let written { notePartitionTable(written) }
  }

  /// Brings every write to stable storage, then drops what other nodes have cached.
  ///
  /// Through the descriptor that was open before the first write: only that one is sure to hear of a failed one
  /// (PITFALLS D6).
  func flush() throws(ResyncError) {
    reporter.begin(.flushing)
    reporter.wait(for: [pair.recovery.disk.number])
    try attempt("flush", on: names[.recovery], side: .recovery, .transfer) { () throws(Errno) in
      try pair.recovery.disk.device.synchronizeData()
    }
    try settle(.recovery, planned.recovery.related)
  }

  /// The kernel keeps the partition table that it read when the disk was attached (PITFALLS A19).
  private mutating func notePartitionTable(_ written: ByteRange) {
    guard let device = planned.recovery.device, !device.partitions.isEmpty else { return }
    let table = UInt64(34 * device.queue.logicalBlockSize)
    if written.offset < table || written.end > commonSize - min(table, commonSize) {
      result.notes.append(
        "the partition table may have changed; let the kernel read it again with: blockdev --rereadpt \(device.node)"
      )
    }
  }

  /// The bytes of two images that no whole block of their loops reaches (PITFALLS B7), through the files.
  ///
  /// At most a few blocks; they are read after everything else has been written and flushed.
  /// - Returns: what was written.
  @discardableResult
  mutating func compareTail(writing: Bool) throws(ResyncError) -> ByteRange? {
    let end = pair.primary.disk.identity.size
    let tail = ByteRange(min(commonSize, end), upTo: end)
    guard !tail.isEmpty, window.map({ $0.end > tail.offset }) ?? true else { return nil }
    let (bytes, recovery) = (try readTail(.primary, tail), try readTail(.recovery, tail))
    guard let primary = bytes, recovery != nil || faultRules.recovery == .differs else {
      result.totals.bytesUnread += tail.length
      return nil
    }
    try checkKept(tail, primary)
    result.totals.bytesCompared += tail.length
    guard primary != recovery else { return nil }
    result.totals.bytesDifferent += tail.length
    result.totals.differentRanges += 1
    if result.ranges.count < request.maxRanges {
      result.ranges.append(tail)
    } else {
      result.rangesOmitted += 1
    }
    guard writing else { return nil }
    if result.totals.bytesWritten == 0 { try pair.recovery.holdStartGuard() }
    try journal?.willWrite()
    try attempt("write the last \(tail.length) bytes of", on: names[.recovery], side: .recovery, .transfer) {
      () throws(Errno) in
      // The loop's own writes are down first: this write takes their page along.
      try pair.recovery.disk.device.synchronizeData()
      switch pair.recovery.disk.image {
      case .some(let image):
        try image.write(primary, at: tail.offset)
        try image.synchronizeData()
      case .none: throw Errno.badFileDescriptor
      }
    }
    result.totals.bytesWritten += tail.length
    return tail
  }

  /// Reads a tail that was written back from the file system, past the page cache (PITFALLS C7).
  private mutating func verifyTail(_ tail: ByteRange) throws(ResyncError) {
    try attempt("drop the cached pages of", on: names[.recovery], side: .recovery, .transfer) {
      () throws(Errno) in
      switch pair.recovery.disk.image {
      case .some(let image): try image.dropCachedPages(from: tail.offset)
      case .none: throw Errno.badFileDescriptor
      }
    }
    guard try tailBytes(.primary, tail) == tailBytes(.recovery, tail) else {
      throw mismatch(on: names[.recovery], at: tail, bytes: tail.length)
    }
    result.totals.bytesVerified += tail.length
  }

  func tailBytes(_ side: Side, _ tail: ByteRange) throws(ResyncError) -> [UInt8] {
    func read(_ disk: borrowing OpenedDisk) throws(ResyncError) -> [UInt8] {
      let bytes = try attempt(
        "read the last \(tail.length) bytes of", on: disk.identity.path, side: side, .transfer
      ) { () throws(Errno) in
        switch disk.image {
        case .some(let image): try image.read(Int(tail.length), at: tail.offset)
        case .none: throw Errno.badFileDescriptor
        }
      }
      if bytes.count != Int(tail.length) {
        throw ResyncError(
          .replaced, "read the tail of", on: disk.identity.path, side: side, range: tail,
          reason: "the image became shorter", remedy: "run again")
      }
      return bytes
    }
    return side == .primary ? try read(pair.primary.disk) : try read(pair.recovery.disk)
  }

  /// Who uses the disks now: the last look before a run may say 0 (PITFALLS G9).
  ///
  /// A reader changes nothing. A writer that is gone after a second, such as `parted -l`, is none either: what it
  /// wrote is the witnesses' to find.
  ///
  /// - Parameter sides: whose writers count; nil for those that the run depends on.
  func checkUsers(of sides: [Side]? = nil) throws(ResyncError) -> Users {
    let sides = sides ?? (planned.sourceMode == .offline ? [.recovery, .primary] : [.recovery])
    var users = try findUsers(of: sides)
    guard request.writes else { return users }
    for _ in 0..<Self.looks where !users.openers.isEmpty {
      pause(milliseconds: 1000)
      let before = Set(users.openers.map(\.opener))
      users = try findUsers(of: sides)
      guard let first = users.openers.first(where: { before.contains($0.opener) }) else { continue }
      throw ResyncError(
        first.side == .recovery ? .inUse : .invalidState, "trust", on: names[first.side], side: first.side,
        reason: "\(first.opener.description) has opened it for writing during the run",
        remedy: "stop \(PrintableText(first.opener.program)), then run again")
    }
    // A loop's own writes cannot be told from ours by the image's times.
    if let loop = users.loops.first {
      throw ResyncError(
        .inUse, "trust", on: names[.recovery], side: .recovery,
        reason: "\(loop.node) was attached to it for writing during the run",
        remedy: "detach it with: losetup -d \(loop.node); then run again")
    }
    return users
  }

  /// How often those who come and go are looked for.
  private static let looks = 5

  /// Who uses the disks of the pair at one moment.
  struct Users {
    let primary: NamedDisk
    let recovery: NamedDisk
    /// Other processes that may write to one of the sides that were asked for, in their order.
    let openers: [(side: Side, opener: Opener)]
    /// Loops that others have attached to the recovery for writing.
    let loops: [BlockDevice]
  }

  /// Looks for nodes of the disks anew: loops and partitions may have come since the plan.
  private func findUsers(of sides: [Side]) throws(ResyncError) -> Users {
    var host = Host()
    host.devices = try attempt("list", on: "this host's block devices", .transfer) { () throws(Errno) in
      try discoverDevices()
    }
    host.ownLoops = Set(pair.ownLoops)
    host.ownProcess = ownProcess()
    var (primary, recovery) = (planned.primary, planned.recovery)
    primary.related = host.relatives(of: primary.extents)
    recovery.related = host.relatives(of: recovery.extents)
    let files = primary.files.union(recovery.files)
    let found = try attempt("look for users of", on: names[.recovery], .transfer) { () throws(Errno) in
      try discoverOpeners(of: files)
    }
    let openers = sides.map { $0 == .recovery ? recovery : primary }.flatMap { disk in
      disk.writers(among: found.openers, except: host.ownProcess).map { (side: disk.side, opener: $0) }
    }
    let facts = PairFacts(request: request, host: host, primary: primary, recovery: recovery)
    return Users(
      primary: primary, recovery: recovery, openers: openers, loops: facts.foreignLoops(over: recovery))
  }

  /// Every byte was compared, lies in a hole of both images or in a block that could not be read, and every
  /// difference was written (PITFALLS G7); 0 means that none was unread.
  func checkCompleteness() throws(ResyncError) {
    let totals = result.totals
    let size = pair.primary.disk.identity.size
    let wanted = window.map { min($0.end, size) - min($0.offset, size) } ?? size
    let isComplete = totals.bytesCompared + totals.bytesSkipped + totals.bytesUnread == wanted
    let isWritten = !request.writes || totals.bytesWritten == totals.bytesDifferent
    guard isComplete && isWritten else {
      throw ResyncError(
        .incomplete, "account for every byte of", on: names[.primary],
        reason: "\(totals.bytesCompared) compared, \(totals.bytesSkipped) skipped, "
          + "\(totals.bytesUnread) unread, \(wanted) wanted; "
          + "\(totals.bytesDifferent) different, \(totals.bytesWritten) written",
        remedy: "this is a defect of vmresync: report it with this message")
    }
  }
}
