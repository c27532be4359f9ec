import Testing

@testable import DeviceResync

@Suite("return values")
struct ReturnValueTests {
  /// DESIGN 2, by hand.
  static let table: [(UInt32, String, Int32)] = [
    (0, "Completed with No Error", 0),
    (4096, "Method Parameters Checked - Job Started", 0),
    (32768, "Failed", 40),
    (32769, "Access Denied", 41),
    (32770, "Not Supported", 42),
    (32771, "Status is unknown", 43),
    (32772, "Timeout", 44),
    (32773, "Invalid parameter", 45),
    (32774, "System is in use", 46),
    (32775, "Invalid state for this operation", 47),
    (32776, "Incorrect data type", 48),
    (32777, "System is not available", 49),
    (32778, "Out of memory", 50),
    (32779, "File not found", 51),
  ]

  @Test("are the method's, with its names; 32768 + n exits with 40 + n, success with 0", arguments: table)
  func values(_ number: UInt32, _ name: String, _ exit: Int32) throws {
    let value = try #require(ReturnValue(rawValue: number))
    #expect(value.name == name)
    #expect(value.exitStatus == exit)
  }

  @Test("are these and no more")
  func all() {
    #expect(ReturnValue.allCases.map(\.rawValue) == Self.table.map(\.0))
  }

  /// 32776, 32779, 32773, 32769, 32770, 32775, 32774, 32777, 32771.
  static let order: [ReturnValue] = [
    .incorrectDataType, .fileNotFound, .invalidParameter, .accessDenied, .notSupported, .invalidState,
    .systemInUse,
    .systemNotAvailable, .statusUnknown,
  ]

  @Test(
    "of several refusals the first in DESIGN 2's order counts, however they come", arguments: order.indices)
  func precedence(_ index: Int) {
    let rest = Array(Self.order[index...])
    #expect(ReturnValue.foremost(of: rest) == Self.order[index])
    #expect(ReturnValue.foremost(of: rest.reversed()) == Self.order[index])
  }

  @Test("a refusal outside that order counts where it is alone; no refusal is none")
  func outside() {
    #expect(ReturnValue.foremost(of: [.outOfMemory]) == .outOfMemory)
    #expect(ReturnValue.foremost(of: [.outOfMemory, .statusUnknown]) == .statusUnknown)
    #expect(ReturnValue.foremost(of: []) == nil)
  }
}
