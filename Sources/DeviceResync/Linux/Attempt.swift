import SystemPackage

/// Runs `body` and adds to its errno what was tried and on which device; meanwhile ``UnderWay`` knows of it.
func attempt<Value: ~Copyable>(
  _ attempt: String, on device: String, side: Side? = nil, _ moment: ResyncError.Moment = .open,
  remedy: String? = nil, _ body: () throws(Errno) -> Value
) throws(ResyncError) -> Value {
  do throws(Errno) {
    return try UnderWay.during(Activity(attempt, on: device), body)
  } catch {
    throw ResyncError(.kernel(error, moment), attempt, on: device, side: side, remedy: remedy)
  }
}
