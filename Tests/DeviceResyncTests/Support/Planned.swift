import SystemPackage

@testable import DeviceResync

/// What discovery finds at `path` on this host now.
func inspect(_ side: Side, _ path: FilePath, ownLoops: Set<DeviceNumber> = []) throws -> NamedDisk {
  let name = NamedPath(resolving: path.string)
  let images: Set<FileIdentity> = name.status.map { $0.kind == .regular ? [$0.identity] : [] } ?? []
  var host = try discoverHost(images: images)
  host.ownLoops = ownLoops
  return NamedDisk(side, name, on: host)
}

/// The error that `body` throws; nil where it does not.
func refusal<Value: ~Copyable>(_ body: () throws(ResyncError) -> Value) -> ResyncError? {
  do throws(ResyncError) {
    _ = try body()
    return nil
  } catch {
    return error
  }
}
