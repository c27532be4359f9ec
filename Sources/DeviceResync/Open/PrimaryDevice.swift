import SystemPackage

/// The disk that is read.
///
/// It is opened read-only, over a read-only loop where it is an image, is never claimed or locked, and has no
/// way to write: promise 1 is this type.
struct PrimaryDevice: ~Copyable, Sendable {
  let disk: OpenedDisk

  /// Opens what was planned for reading.
  init(_ planned: borrowing NamedDisk) throws(ResyncError) {
    disk = try OpenedDisk(planned, .readOnly) { (_) throws(ResyncError) in }
  }
}
