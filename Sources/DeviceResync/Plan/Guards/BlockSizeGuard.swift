/// Every byte of both disks must be reachable in whole blocks (PITFALLS B6, B7).
enum BlockSizeGuard: Guard {
  static let name = "blocks"

  static func judge(_ facts: PairFacts) -> [GuardVerdict] {
    let sizes = Side.allCases.map { side in
      (facts[side].device ?? facts[side].image?.wholeLoop).map { UInt64($0.queue.logicalBlockSize) } ?? 512
    }
    let block = sizes.max() ?? 512
    guard facts.primary.size > 0 else { return passed("not known") }
    for side in Side.allCases where !isBlockSize(sizes[Int(side.rawValue)]) {
      return [
        refused(
          .notSupported,
          "the \(side.name)'s logical blocks of \(sizes[Int(side.rawValue)]) bytes cannot be handled",
          remedy: "format it with blocks of 512 to 65536 bytes, a power of two")
      ]
    }
    if !facts.primary.size.isMultiple(of: block), facts.primary.image == nil || facts.recovery.image == nil {
      return [
        refused(
          .notSupported,
          "the primary's last \(facts.primary.size % block) bytes are no whole block of \(block) bytes",
          remedy: "bring both disks to a multiple of \(block) bytes")
      ]
    }
    let unit = max(block, 4096)
    if let window = facts.request.window(of: facts.primary.size),
      !window.offset.isMultiple(of: unit)
        || !window.end.isMultiple(of: unit) && window.end != facts.primary.size
    {
      return [
        refused(
          .invalidParameter, "the bytes to compare must begin and end on blocks of \(unit) bytes",
          remedy: "round --byte-offset and --byte-length")
      ]
    }
    return passed("blocks of \(unit) bytes")
  }

  private static func isBlockSize(_ size: UInt64) -> Bool {
    size >= 512 && size <= 65536 && size & (size - 1) == 0
  }
}
