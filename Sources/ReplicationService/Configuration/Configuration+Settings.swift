public import DeviceResync

extension Configuration {
  /// What holds for the runs of `relationship`: what it says, and else the defaults.
  public func settings(of relationship: Relationship) -> Settings {
    let own = relationship.settings
    var settings = defaults
    settings.writeBack = own.writeBack ?? defaults.writeBack
    settings.source = own.source ?? defaults.source
    settings.maxDifference = own.maxDifference ?? defaults.maxDifference
    settings.verifies = own.verifies ?? defaults.verifies
    settings.stallTimeout = own.stallTimeout ?? defaults.stallTimeout
    settings.maxAge = own.maxAge ?? defaults.maxAge
    return settings
  }

  /// The relationship, its disks and each of its settings, with the place that says so: a line each.
  public func text(of relationship: Relationship) throws(ResyncError) -> String {
    var lines = [
      "relationship    \(relationship.name)  (\(relationship.place))",
      "primary         \(relationship.primary)", "recovery        \(relationship.recovery)",
      "enabled         \(relationship.isEnabled)",
    ]
    if let since = relationship.rolesSince {
      lines.append(
        relationship.isTurned
          ? "reversed        since \(since): the file has \(relationship.recovery) -> \(relationship.primary)"
          : "reversed        to these roles since \(since), as the file has them")
    }
    for pair in try pairs(of: relationship) {
      lines.append("disk            \(pair.primary.target) \(pair.primary.source) -> \(pair.recovery.source)")
    }
    for rule in relationship.disks where !rule.isReplicated {
      lines.append("not replicated  \(rule.primary)  (\(rule.place))")
    }
    let own = relationship.settings.texts
    let usual = defaults.texts
    for (key, value) in settings(of: relationship).texts {
      let place =
        if own.contains(where: { $0.key == key && $0.value != nil }) {
          relationship.place
        } else if usual.contains(where: { $0.key == key && $0.value != nil }) {
          defaultsPlace ?? "defaults"
        } else {
          "not configured"
        }
      let name = key + String(repeating: " ", count: max(1, 16 - key.count))
      lines.append("\(name)\(value ?? "as the command decides")  (\(place))")
    }
    return lines.joined(separator: "\n") + "\n"
  }
}

extension Configuration.Settings {
  /// Each setting as it is written; nil where it is not said.
  fileprivate var texts: [(key: String, value: String?)] {
    [
      ("write-back", writeBack?.rawValue), ("source", source?.rawValue),
      ("max-difference", maxDifference.map { "\($0)" }), ("verify", verifies.map { "\($0)" }),
      ("stall-timeout", stallTimeout.map { "\($0)" }), ("max-age", maxAge.map { "\($0)" }),
    ]
  }
}
