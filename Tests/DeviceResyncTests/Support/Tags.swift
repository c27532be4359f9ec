import Testing

// `scripts/lib/suites.bash` reads these from the source to choose suites: a file holds one suite.
extension Tag {
  /// Attaches devices, locks files beside other processes, or runs the command; every other suite is pure.
  @Tag static var devices: Self
  /// Takes a second or more.
  @Tag static var slow: Self
}
