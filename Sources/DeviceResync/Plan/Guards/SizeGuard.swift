/// Both disks must have the same size; nothing is ever cut or extended (PITFALLS A18).
enum SizeGuard: Guard {
  static let name = "sizes"

  static func judge(_ facts: PairFacts) -> [GuardVerdict] {
    let (primary, recovery) = (facts.primary.size, facts.recovery.size)
    // A side that could not be looked at is another guard's.
    guard primary > 0, recovery > 0 else { return passed("not known") }
    var verdicts: [GuardVerdict] = []
    if primary > recovery {
      verdicts.append(
        refused(
          .invalidState, "the primary has \(primary) bytes, the recovery only \(recovery)",
          remedy: "make the recovery \(primary - recovery) bytes larger"))
    } else if primary < recovery, !facts.request.allowsLargerRecovery {
      verdicts.append(
        refused(
          .invalidState, "the recovery has \(recovery) bytes, the primary only \(primary)",
          remedy:
            "if that is meant, use --allow-larger-recovery: the last \(recovery - primary) bytes stay as they are"
        ))
    } else if primary < recovery {
      verdicts.append(
        .warning(
          name, "the recovery is \(ByteCount(recovery - primary)) larger; its tail stays as it is",
          evidence: ["bytes from \(primary) on"]))
    }
    if let window = facts.request.window(of: primary), window.end > primary || window.isEmpty {
      verdicts.append(
        refused(
          .invalidParameter,
          "the bytes to compare are \(window.offset) up to \(window.end), the primary ends at \(primary)",
          remedy: "choose --byte-offset and --byte-length within the disk"))
    }
    verdicts += Side.allCases.compactMap { shortFile(behind: facts[$0]) }
    return verdicts.isEmpty ? passed("both have \(primary) bytes") : verdicts
  }

  /// Reads beyond the file's end fail, writes there make the file longer (PITFALLS B9).
  private static func shortFile(behind disk: NamedDisk) -> GuardVerdict? {
    guard let device = disk.device, let loop = device.loop, let size = loop.fileSize,
      size < loop.offset.addingReportingOverflow(device.size).partialValue
    else { return nil }
    return .warning(
      name, "the file behind \(device.node) ends before the loop does; what lies beyond cannot be read",
      evidence: ["\(PrintableText(loop.path)): \(size) bytes"])
  }
}
