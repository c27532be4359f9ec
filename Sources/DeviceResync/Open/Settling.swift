import SystemPackage

/// Brings to the disk what others have written to any node of it, so that direct reads see it (PITFALLS C1, C4).
///
/// fdatasync(2) works on a read-only descriptor, and writes only what somebody else had written already.
/// - Parameter droppingCaches: also drops the nodes' cached pages, which would otherwise show, or write back,
///   the old bytes after ours; never on a primary.
func settle(
  _ disk: borrowing OpenedDisk, _ related: [BlockDevice], _ side: Side, droppingCaches: Bool
) throws(ResyncError) {
  for device in related where device.number != disk.number {
    try attempt("write back the cache of", on: device.node, side: side, .transfer) { () throws(Errno) in
      let node: OwnedDescriptor
      do throws(Errno) {
        node = try OwnedDescriptor(opening: FilePath(device.node), [.nonBlocking])
      } catch .noSuchAddressOrDevice, .operationNotSupportedByDevice {
        return  // removed meanwhile, and its cache with it
      }
      // A node that is another device's by now is not ours to touch; a loop that was detached has no bytes, and
      // answers EIO.
      guard try FileStatus(of: node).deviceNumber == device.number, try node.deviceSize() > 0 else { return }
      try node.synchronizeData()
      if droppingCaches { try node.dropCaches() }
    }
  }
  try attempt("write back the cache of", on: disk.identity.path, side: side, .transfer) { () throws(Errno) in
    try disk.device.synchronizeData()
    if droppingCaches { try disk.device.dropCaches() }
    switch disk.image {
    case .some(let image): try image.synchronizeData()
    case .none: break
    }
  }
}
