/// What moves bytes between disks and buffers; the raw value is what results and options say.
public enum Engine: String, Sendable, Codable, CaseIterable {
  /// One io_uring.
  case ioUring = "io_uring"
  /// Threads that wait in preadv2(2) and pwritev2(2), where the kernel gives no ring (PITFALLS E8).
  case threads
}
