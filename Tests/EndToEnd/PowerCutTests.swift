import Glibc
import Testing

@testable import DeviceResync

/// Issue 4: any stop is safe, also where the power of recovery, state and staging file goes with it.
@Suite("the power fails", .ownPlace, .tags(.devices, .slow)) struct PowerCutTests {
  /// The guest writes; one or two runs are met by what may befall them; the last one completes.
  private func cycle(_ pair: inout PowerPair, _ seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    let title = "seed \(seed)"
    try pair.writePrimary(&random)
    for _ in 0...(Int.random(in: 0..<4, using: &random) / 3) {
      let mode = Int.random(in: 0..<4, using: &random) == 0 ? "in-place" : "staged"
      let options = [[], [], ["--engine", "threads"], ["--verify"]].randomElement(using: &random) ?? []
      let isRepair = try pair.host.consistency() == "Applying" && Bool.random(using: &random)
      try pair.strike(
        isRepair ? pair.repair : pair.resync(mode, options), .random(using: &random),
        losing: Bool.random(using: &random) ? random.next() : nil, title)
    }
    let mode = Int.random(in: 0..<4, using: &random) == 0 ? "in-place" : "staged"
    try pair.expectCompletes(mode, repairing: Int.random(in: 0..<3, using: &random) == 0, title)
    pair.figures.cycles += 1
  }

  /// `VMRESYNC_TEST_CYCLES` and `VMRESYNC_TEST_SEED` are for `scripts/endurance`, which prints the last line.
  @Test("of all disks at once, after a kill or an error at any time: old or new, and the next run completes")
  func anyTime() throws {
    func number(_ name: String) -> UInt64? { getenv(name).flatMap { UInt64(String(cString: $0)) } }
    let seed = number("VMRESYNC_TEST_SEED") ?? .random(in: .min ... .max)
    let cycles = number("VMRESYNC_TEST_CYCLES").map(Int.init) ?? .max
    var seeds = SplitMix64(seed: seed)
    var pair = try PowerPair()
    let clock = ContinuousClock()
    let end = clock.now + .seconds(max(testSeconds, 4))
    repeat { try cycle(&pair, seeds.next()) } while pair.figures.cycles < cycles && clock.now < end
    print("power cuts, seed \(seed): \(pair.figures)")
  }
}
