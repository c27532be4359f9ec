import SystemPackage

extension ClaimedRecoveries {
  /// Steps 7 and 8 again: returns bytes written.
  ///
  /// Locks and targets of all recoveries are looked at before the first write to any, and all of them for foreign
  /// writes after the last.
  borrowing func finish(
    _ staging: ValidatedStaging, from place: SharedDirectory, _ engine: Engine, parallel: Int,
    _ control: RunControl, _ reporter: RunReporter
  ) throws(ResyncError) -> UInt64 {
    var witnesses: [Witness] = []
    reporter.begin(.settling)
    for recovery in all {
      reporter.wait(for: [recovery.device.disk.number] + recovery.planned.related.map(\.number))
      try settle(recovery.device.disk, recovery.planned.related, .recovery, droppingCaches: true)
      try recovery.device.holdStartGuard()
      witnesses.append(try Witness(recovery.device.disk, recovery.planned, .recovery))
    }
    var numbered = Array(all.enumerated())
    let lanes = Plan.lanes(of: all.map(\.rotationalDisks))
    if all.count > 1 {
      _ = try numbered.workSideBySide(lanes, most: parallel, control, reporter) {
        (recovery) throws(ResyncError) in
        try checkCommitted(
          staging, from: place.directory, to: recovery.element.device, pair: recovery.offset, engine, control)
      }.all(control)
    }
    let applied = try numbered.workSideBySide(lanes, most: parallel, control, reporter) {
      (recovery) throws(ResyncError) in
      let planned = recovery.element.planned
      do throws(ResyncError) {
        return try applyCommitted(
          staging, from: place.directory, to: recovery.element.device, planned, pair: recovery.offset,
          mode: .replay, proves: true, engine, planned.defaultZero, control, reporter)
      } catch {
        // No primary takes part.
        let name = recovery.element.device.disk.identity.path
        throw error.naming(SideNames(primary: name, recovery: name))
      }
    }.all(control)
    reporter.begin(.checking)
    for (index, recovery) in all.enumerated() {
      reporter.wait(for: [recovery.device.disk.number] + recovery.planned.related.map(\.number))
      _ = try checkUntouched(
        recovery.device, recovery.planned, witnesses[index], submitted: applied[index].submitted)
    }
    return applied.reduce(0) { $0 + $1.written }
  }
}
