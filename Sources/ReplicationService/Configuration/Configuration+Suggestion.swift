public import DeviceResync

extension Configuration {
  /// A relationship of two systems to paste, with their disks paired as far as that can be told.
  public func suggestion(primary: String, recovery: String) throws(ResyncError) -> String {
    let (from, to) = (try knownSystem(primary), try knownSystem(recovery))
    if from == to {
      throw ResyncError(
        .invalidParameter, "pair the disks of", on: from.name, reason: "it is its own recovery")
    }
    var relationship = Relationship(
      name: from.name, primary: from.reference, recovery: to.reference, isEnabled: true,
      pairBy: PairingRule.allCases,
      disks: [],
      settings: Settings(), place: "")
    while relationships.contains(where: { $0.name == relationship.name }) { relationship.name += "-2" }
    var lines = [
      "[[relationship]]", "name = \(Self.quoted(relationship.name))",
      "primary = \(Self.quoted(from.reference))",
      "recovery = \(Self.quoted(to.reference))",
    ]
    do throws(ResyncError) {
      for pair in try pairs(of: relationship) {
        lines += [
          "[[relationship.disk]]", "primary = \(Self.quoted(pair.primary.target))",
          "recovery = \(Self.quoted(pair.recovery.target))",
        ]
      }
    } catch {
      lines.append("# Neither serial numbers, WWNs nor targets pair all disks: say for each what mirrors it.")
      lines.append(
        "# Those of \(to.name): \(to.disks.map { "\($0.target) (\($0.source))" }.joined(separator: ", "))")
      for disk in from.disks {
        lines += [
          "[[relationship.disk]]", "primary = \(Self.quoted(disk.target))  # \(disk.source)",
          "recovery = \"\"  # or: replicate = false",
        ]
      }
    }
    return lines.joined(separator: "\n") + "\n"
  }

  /// As a TOML string; names hold nothing that cannot be printed.
  private static func quoted(_ text: String) -> String {
    "\"" + text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") + "\""
  }
}
