import Testing

@testable import DeviceResync

@Suite("return values")
struct ReturnValueTests {
  @Test("32768 + n exits with 40 + n; 0 and 4096 exit with 0")
  func exitStatus() {
    #expect(ReturnValue.completed.exitStatus == 0)
    #expect(ReturnValue.jobStarted.exitStatus == 0)
    #expect(ReturnValue.failed.exitStatus == 40)
    #expect(ReturnValue.systemInUse.exitStatus == 46)
    #expect(ReturnValue.fileNotFound.exitStatus == 51)
  }
}
