/// A recovery point as results show it.
struct PointObject: Encodable {
  let point: RecoveryPoint

  private enum CodingKeys: String, CodingKey {
    case kind = "Kind"
    case made = "MadeAt"
    case expires = "ExpiresAt"
    case before = "Before"
    case files = "Files"
  }

  init(_ point: RecoveryPoint) { self.point = point }

  func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(point.kind, forKey: .kind)
    try container.encode(point.made, forKey: .made)
    try container.encode(point.expires, forKey: .expires)
    try container.encode(point.before, forKey: .before)
    try container.encode(point.files.places.map(\.path), forKey: .files)
  }
}

extension RecoveryPoint {
  /// For people: `recovery point (undo) of 2026-11-24T02:00:00Z`.
  var title: String { "recovery point (\(kind.rawValue)) of \(made)" }
}
