public import ArgumentParser
public import DeviceResync

/// The one format that a side can be declared to have.
enum DiskFormat: String, ExpressibleByArgument, CaseIterable {
  case raw
}

/// A number of bytes on the command line: `1048576`, `512K`, `1.5 GiB`.
struct Size: ExpressibleByArgument {
  let bytes: UInt64

  init?(argument: String) {
    guard let count = ByteCount(parsing: argument) else { return nil }
    bytes = count.bytes
  }
}

/// A share or a number of bytes: `25%`, `61 GiB`.
struct DifferenceLimitArgument: ExpressibleByArgument {
  let limit: RunRequest.DifferenceLimit

  init?(argument: String) {
    guard let limit = RunRequest.DifferenceLimit(parsing: argument) else { return nil }
    self.limit = limit
  }
}

/// What is kept to go back by.
enum RecoveryPointArgument: String, ExpressibleByArgument, CaseIterable {
  case none, undo, snapshot
}

extension RunRequest.Source: ExpressibleByArgument {}
extension RunRequest.Zero: ExpressibleByArgument {}
extension RunRequest.EngineChoice: ExpressibleByArgument {}
extension RunRequest.WriteBack: ExpressibleByArgument {}
extension RunRequest.ReadErrorAction: ExpressibleByArgument {}
