// (stand-in until the probing helper lands)
public struct ProbedContent: Sendable { static let notLookedAt = ProbedContent(); var holdsPhysicalVolume: Bool { false } }
public struct ContainerFormat: Sendable, Equatable { var name: String ; func conversion(of: String) -> String { "" } }
