/// How still the primary holds while it is read.
public enum SourceMode: String, Sendable, Codable {
  /// Nobody has it open for writing, and nothing was written.
  case offline
  /// Somebody may write to it.
  case running
}

/// Whether the recovery equals the primary at one point in time.
public enum PointInTime: Sendable, Equatable {
  case yes, no
  /// Nobody was seen writing, but the kernel keeps no count that would show it.
  case unproven
}

extension PointInTime: Codable {
  /// Reads `true`, `false` or `"unproven"`.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if let isOne = try? container.decode(Bool.self) {
      self = isOne ? .yes : .no
    } else if try container.decode(String.self) == "unproven" {
      self = .unproven
    } else {
      throw DecodingError.dataCorruptedError(in: container, debugDescription: "no point in time")
    }
  }

  /// `true`, `false` or `"unproven"`.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    switch self {
    case .yes: try container.encode(true)
    case .no: try container.encode(false)
    case .unproven: try container.encode("unproven")
    }
  }
}
