import Testing

@testable import DeviceResync

@Suite struct ExplanationTests {
  @Test(
    "every return value has a text, by its number, its name and its exit status",
    arguments: ReturnValue.allCases)
  func values(_ value: ReturnValue) throws {
    let found = Explanation.of("\(value.rawValue)")
    #expect(found.contains { $0.kind == .returnValue && $0.name == value.name && $0.meaning.count > 10 })
    #expect(Explanation.of(value.name.uppercased()).contains { $0.number == value.rawValue })
    let exits = Explanation.of("\(value.exitStatus)").filter { $0.kind == .exitStatus }
    #expect(exits.count == 1)
    if value.exitStatus != 0 { #expect(exits.first?.meaning.contains("\(value.rawValue)") == true) }
    // All but success name a cause and a way on.
    if value != .completed, value != .jobStarted {
      #expect(found.filter { $0.kind == .returnValue }.allSatisfy { !$0.causes.isEmpty && !$0.ways.isEmpty })
    }
  }

  @Test(
    "so have the other exit statuses",
    arguments: [
      ExitStatus.different, ExitStatus.terminated, ExitStatus.completedWithWarnings, ExitStatus.declined,
    ])
  func exits(_ status: Int32) {
    let found = Explanation.of("\(status)")
    #expect(found.map(\.kind) == [.exitStatus])
    #expect(found.first?.text.contains("way on") == true)
  }

  @Test(
    "a number that stands for two things tells both; a job state has its number and name of CIM_ConcreteJob")
  func states() {
    #expect(Explanation.of("32768").map(\.kind) == [.returnValue, .jobState])
    let names = [
      2: "New", 3: "Starting", 4: "Running", 5: "Suspended", 6: "Shutting Down", 7: "Completed",
      8: "Terminated",
      9: "Killed", 10: "Exception", 32768: "CompletedWithWarnings",
    ]
    for (number, name) in names {
      #expect(Explanation.of(name).contains { $0.kind == .jobState && $0.number == number })
    }
    #expect(Explanation.jobStates.count == names.count)
  }

  @Test(
    "what is none has none", arguments: ["", "99", "-1", "0x2e", "32780", "٤٦", "+46", " 46", "4294967296"])
  func none(_ text: String) { #expect(Explanation.of(text).isEmpty) }
}
