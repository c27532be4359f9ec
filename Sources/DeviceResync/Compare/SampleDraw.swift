/// Draws which of the MiB that are passed over are read all the same: one at random of each 4,096.
struct SampleDraw {
  private var random: SplitMix64
  /// Bytes to pass over before the next sample.
  private var untilSample: UInt64
  /// Bytes left of the group after that sample.
  private var untilNextGroup: UInt64

  init(seed: UInt64) {
    random = SplitMix64(seed: seed)
    (untilSample, untilNextGroup) = (0, 0)
    draw()
  }

  private mutating func draw() {
    let place = UInt64.random(in: 0..<DataUnion.sampling, using: &random)
    untilSample = untilNextGroup + place * DataUnion.sample
    untilNextGroup = (DataUnion.sampling - 1 - place) * DataUnion.sample
  }

  /// The first sample in `hole`, which begins where the last sample or hole has ended; nil for none.
  mutating func next(in hole: ByteRange) -> ByteRange? {
    guard untilSample < hole.length else {
      untilSample -= hole.length
      return nil
    }
    let start = hole.offset + untilSample
    draw()
    return ByteRange(offset: start, length: min(DataUnion.sample, hole.end - start))
  }
}

/// A small random generator whose numbers a seed decides (Steele, Lea, Flood: "Fast splittable pseudorandom
/// number generators", 2014).
struct SplitMix64: RandomNumberGenerator, Sendable {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    // Wrapping is what the generator is made of.
    state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
    return mixed ^ (mixed >> 31)
  }
}
