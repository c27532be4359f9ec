@testable import DeviceResync

/// What a command is called with for several pairs.
func parallelWords(
  _ operation: Operation, _ pairs: [(primary: String, recovery: String)], _ options: [String] = []
) -> [String] {
  [operation.rawValue, "--json"] + (operation == .resync ? ["--yes"] : [])
    + pairs.flatMap { ["--primary", $0.primary, "--recovery", $0.recovery] } + options
}

/// The nodes of both disks.
func parallelNodes(_ pair: borrowing FaultPair) -> (primary: String, recovery: String) {
  (pair.primary.node, pair.recovery.node)
}
