import Glibc

@testable import DeviceResync

/// Bytes that a seed decides.
func randomBytes(_ count: Int, seed: UInt64) -> [UInt8] {
  var random = SplitMix64(seed: seed)
  var bytes: [UInt8] = []
  bytes.reserveCapacity(count + 8)
  while bytes.count < count {
    let number = random.next()
    for shift in stride(from: UInt64(0), to: 64, by: 8) {
      bytes.append(UInt8(truncatingIfNeeded: number >> shift))
    }
  }
  bytes.removeLast(bytes.count - count)
  return bytes
}

/// How long a matrix may go on, in seconds: `VMRESYNC_TEST_SECONDS`, else 1.
let testSeconds: Double = getenv("VMRESYNC_TEST_SECONDS").flatMap { Double(String(cString: $0)) } ?? 1

/// Runs `body` with one seed after the other until the time is over, at least once; its expectations print the
/// seed.
func forSeeds(_ body: (UInt64) throws -> Void) rethrows {
  let clock = ContinuousClock()
  let end = clock.now + .seconds(testSeconds)
  repeat {
    try body(.random(in: .min ... .max))
  } while clock.now < end
}
