extension OpenedDisk {
  /// Whether the device takes zeros without data at all (sysfs `queue/write_zeroes_max_bytes`).
  ///
  /// What it refuses later is found by trying. A device that says 0 is not asked: its refusal would be the block
  /// layer's, which counts nothing as written, and so hide as much from the witness.
  func takesPunches(_ planned: NamedDisk) -> Bool {
    let name = planned.device?.disk ?? identity.kernelName ?? "loop\(number.minor)"
    // What cannot be read is no promise.
    let most = try? Sysfs().number("class/block/\(name)/queue/write_zeroes_max_bytes")
    return (most ?? nil).map { $0 > 0 } ?? false
  }
}
