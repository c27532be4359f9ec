import SystemPackage
import Testing

@testable import DeviceResync

@Suite("the map from errnos to return values")
struct ErrorMapTests {
  /// An errno by name and number, and what it is while moving bytes, while opening, while setting up
  /// (PITFALLS, appendix A).
  typealias Row = (name: String, number: CInt, transfer: UInt32, open: UInt32, setUp: UInt32)

  static let table: [Row] = [
    ("EIO", 5, 32768, 32768, 32768),
    ("ENODATA", 61, 32768, 32768, 32768),
    ("EREMOTEIO", 121, 32768, 32768, 32768),
    ("EILSEQ", 84, 32768, 32768, 32768),
    ("ENOSPC", 28, 32768, 32768, 32768),
    ("ENOLINK", 67, 32777, 32777, 32777),
    ("ETIMEDOUT", 110, 32772, 32772, 32772),
    ("ETIME", 62, 32772, 32772, 32772),
    ("EBADE", 52, 32774, 32774, 32774),
    ("EBUSY", 16, 32768, 32774, 32774),
    ("ENOMEM", 12, 32768, 32778, 32778),
    ("EAGAIN", 11, 32768, 32768, 32768),
    ("ENODEV", 19, 32777, 32777, 32777),
    ("ENXIO", 6, 32777, 32777, 32777),
    ("ENOMEDIUM", 123, 32777, 32777, 32777),
    ("EOPNOTSUPP", 95, 32770, 32770, 32770),
    ("ENOSYS", 38, 32770, 32770, 32770),
    ("EINVAL", 22, 32770, 32770, 32770),
    ("EPERM", 1, 32769, 32769, 32769),
    ("EROFS", 30, 32769, 32769, 32769),
    ("EACCES", 13, 32769, 32769, 32769),
    ("ETOOMANYREFS", 109, 32770, 32770, 32770),
    ("EOVERFLOW", 75, 32770, 32770, 32770),
    ("EREMCHG", 78, 32768, 32768, 32768),
    // Of names only.
    ("ENOENT", 2, 32768, 32779, 32768),
    ("ENOTDIR", 20, 32768, 32779, 32768),
    ("ENAMETOOLONG", 36, 32768, 32779, 32768),
    ("ELOOP", 40, 32768, 32773, 32768),
    // What no row names.
    ("EISDIR", 21, 32768, 32768, 32768),
    ("EMFILE", 24, 32768, 32768, 32768),
    ("ENOTTY", 25, 32768, 32768, 32768),
  ]

  @Test("is appendix A's, at each moment", arguments: table)
  func map(_ row: Row) {
    let errno = Errno(rawValue: row.number)
    #expect(errno.name == row.name)
    for (moment, expected): (ResyncError.Moment, UInt32) in [
      (.transfer, row.transfer), (.open, row.open), (.setUp, row.setUp),
    ] {
      let error = ResyncError(.kernel(errno, moment), "read", on: "/dev/x")
      #expect(error.returnValue.rawValue == expected, "at \(moment)")
      #expect(error.description.contains(row.name), "a message names the errno")
      #expect(error.errno == errno)
    }
  }

  @Test(
    "what no errno tells has a value of its own",
    arguments: [
      (ResyncError.Cause.invalidParameter, 32773 as UInt32), (.incorrectDataType, 32776),
      (.notSupported, 32770),
      (.statusUnknown, 32771), (.inUse, 32774), (.invalidState, 32775), (.replaced, 32777),
      (.foreignWrite, 32768),
      (.mismatch, 32768), (.incomplete, 32768), (.terminated, 32768),
    ])
  func causes(_ cause: ResyncError.Cause, _ value: UInt32) {
    #expect(ResyncError(cause, "go on").returnValue.rawValue == value)
    #expect(ResyncError(cause, "go on").errno == nil)
  }

  @Test("a message says what was tried, on which device, where, why, and what to type next")
  func message() {
    let error = ResyncError(
      .kernel(.ioError, .transfer), "read", on: "/dev/sd\u{1b}b", side: .primary,
      range: ByteRange(offset: 4096, length: 4096), remedy: "look at dmesg")
    let text = error.description
    for word in ["could not read", #"/dev/sd\u{1b}b"#, "primary", "4096–8191", "EIO", "look at dmesg"] {
      #expect(text.contains(word))
    }
  }

  @Test("an error without a device is given its side's name, one with a name keeps it")
  func naming() {
    let names = SideNames(primary: "/dev/a", recovery: "/dev/b")
    let bare = ResyncError(.kernel(.ioError, .transfer), "read", side: .recovery)
    #expect(bare.naming(names).device == "/dev/b")
    let named = ResyncError(.kernel(.ioError, .transfer), "read", on: "/dev/c", side: .recovery)
    #expect(named.naming(names).device == "/dev/c")
    #expect(ResyncError(.terminated, "go on").naming(names).device == nil)
  }
}
