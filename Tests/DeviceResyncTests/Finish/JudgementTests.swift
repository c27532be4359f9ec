import SystemPackage
import Testing

@testable import DeviceResync

@Suite("what witnesses' findings mean")
struct JudgementTests {
  /// What each side's witnesses saw, and what a resync and a compare make of it with an offline primary.
  struct Row: Sendable {
    let primary: Witness.Finding
    let recovery: Witness.Finding
    /// nil: 32768.
    let resync: PointInTime?
    let compare: PointInTime
  }

  static let quiet = Witness.Finding(foreignBytes: 0, fileChanged: nil)
  static let image = Witness.Finding(foreignBytes: 0, fileChanged: false)
  static let silent = Witness.Finding()

  static let table = [
    Row(primary: quiet, recovery: quiet, resync: .yes, compare: .yes),
    Row(primary: image, recovery: image, resync: .yes, compare: .yes),
    Row(primary: .init(foreignBytes: 512), recovery: quiet, resync: nil, compare: .no),
    Row(primary: quiet, recovery: .init(foreignBytes: 512), resync: nil, compare: .no),
    Row(primary: .init(foreignBytes: 0, fileChanged: true), recovery: quiet, resync: nil, compare: .no),
    Row(primary: quiet, recovery: .init(foreignBytes: 0, fileChanged: true), resync: nil, compare: .no),
    Row(primary: silent, recovery: quiet, resync: .unproven, compare: .unproven),
    Row(primary: quiet, recovery: silent, resync: .unproven, compare: .unproven),
    // Where the kernel counts nothing, a file's times are no proof, but they convict.
    Row(primary: .init(fileChanged: false), recovery: quiet, resync: .unproven, compare: .unproven),
    Row(primary: .init(fileChanged: true), recovery: quiet, resync: nil, compare: .no),
    Row(primary: silent, recovery: .init(foreignBytes: 1), resync: nil, compare: .no),
  ]

  @Test("of a primary that should hold still", arguments: table.indices)
  func offline(_ index: Int) throws {
    let row = Self.table[index]
    let pair = PlannedPair(Scene().facts)
    let judged = Result { () throws(ResyncError) in
      try Judgement.judge(row.primary, row.recovery, pair, writes: true)
    }
    switch (judged, row.resync) {
    case (.success(let point), let expected?): #expect(point == expected)
    case (.failure(let error), nil):
      #expect(error.returnValue == .failed)
      #expect(error.side != nil && error.device != nil)
      #expect(error.description.contains("vmresync devices"))
    default: Issue.record("\(judged)")
    }
    #expect(try Judgement.judge(row.primary, row.recovery, pair, writes: false) == row.compare)
  }

  @Test("of a running primary: it may be written, the recovery may not, and there is no point in time")
  func running() throws {
    var scene = Scene()
    scene.request.source = .running
    let pair = PlannedPair(scene.facts)
    let busy = Witness.Finding(foreignBytes: 1 << 20, fileChanged: true)
    #expect(try Judgement.judge(busy, Self.quiet, pair, writes: true) == .no)
    #expect(try Judgement.judge(Self.quiet, Self.quiet, pair, writes: true) == .no)
    let error = refusal { () throws(ResyncError) in
      try Judgement.judge(Self.quiet, Witness.Finding(foreignBytes: 512), pair, writes: true)
    }
    #expect(error?.returnValue == .failed)
    #expect(error?.description.contains("somebody else wrote 512 bytes") == true)
  }
}
