import Testing

@testable import DeviceResync
@testable import ReplicationService

@Suite("the states of jobs") struct JobStateTests {
  @Test("explain tells of each under the number and the name that a job shows", arguments: JobState.allCases)
  func explained(_ state: JobState) {
    let found = Explanation.of("\(state.rawValue)").filter { $0.kind == .jobState }
    #expect(found.map(\.name) == [state.name])
  }

  @Test("and of none that there is not")
  func none() {
    #expect(Explanation.jobStates.count == JobState.allCases.count)
  }
}
