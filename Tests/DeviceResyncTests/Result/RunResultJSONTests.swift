import Foundation
import SystemPackage
import Testing

@testable import DeviceResync

@Suite("results as JSON")
struct RunResultJSONTests {
  @Test("of a compare are this, to the byte")
  func golden() {
    let result = RunResult(.compare, .completed, "12 KiB differ", [.compared()])
    let totals = """
      "BytesCompared" : 1048576,
      "BytesDifferent" : 12288,
      "BytesMoving" : 0,
      "BytesPerSecond" : 2097152,
      "BytesSkipped" : 0,
      "BytesUnread" : 0,
      "BytesVerified" : 0,
      "BytesWritten" : 0,
      "BytesZeroed" : 0,
      """.split(separator: "\n")
    func side(_ path: String, _ name: String, _ number: String) -> String {
      """
      {
              "BackingFile" : null,
              "DeviceNumber" : "\(number)",
              "DiskSequence" : 7,
              "KernelName" : "\(name)",
              "LogicalBlockSize" : 512,
              "Path" : "\(path)",
              "Size" : 1048576,
              "StableName" : "wwid-\(name)"
            }
      """
    }
    #expect(
      result.json == """
        {
        \(totals.map { "  " + $0 }.joined(separator: "\n"))
          "ComputerSystem" : null,
          "DifferentRanges" : 2,
          "FormatVersion" : 1,
          "Identical" : false,
          "Job" : null,
          "Message" : "12 KiB differ",
          "Pairs" : [
            {
        \(totals.map { "      " + $0 }.joined(separator: "\n"))
              "ChangedByteLengths" : [
                4096,
                8192
              ],
              "ChangedByteOffsets" : [
                0,
                65536
              ],
              "Consistency" : null,
              "DifferentRanges" : 2,
              "Engine" : "io_uring",
              "Errors" : [

              ],
              "ErrorsOmitted" : 0,
              "Guards" : [
                {
                  "Evidence" : [
                    "x"
                  ],
                  "Name" : "twins",
                  "Reason" : "both carry the same",
                  "Remedy" : null,
                  "ReturnValue" : 0,
                  "Verdict" : "warning"
                }
              ],
              "Identical" : false,
              "Notes" : [

              ],
              "PointInTime" : true,
              "Primary" : \(side("/dev/a", "sda", "8:0")),
              "ProcessedByteLength" : 1048576,
              "RangesOmitted" : 0,
              "Recovery" : \(side("/dev/b", "sdb", "8:16")),
              "RecoveryPoint" : null,
              "ReturnName" : "Completed with No Error",
              "ReturnValue" : 0,
              "Seconds" : 0.5,
              "SourceMode" : "offline",
              "Witness" : {
                "PrimaryForeignBytes" : 0,
                "PrimaryImageChanged" : null,
                "RecoveryForeignBytes" : null,
                "RecoveryImageChanged" : false
              },
              "WriteBack" : null,
              "Zero" : null
            }
          ],
          "ReturnName" : "Completed with No Error",
          "ReturnValue" : 0,
          "Seconds" : 0.5,
          "StartTime" : null
        }

        """)
  }

  private func object(_ result: RunResult) throws -> [String: Any] {
    try #require(try JSONSerialization.jsonObject(with: Data(result.json.utf8)) as? [String: Any])
  }

  private func pairs(_ result: RunResult) throws -> [[String: Any]] {
    try #require(try object(result)["Pairs"] as? [[String: Any]])
  }

  static let callKeys: Set<String> = [
    "FormatVersion", "ReturnValue", "ReturnName", "Message", "Job", "ComputerSystem", "StartTime",
    "Identical",
    "BytesCompared", "BytesSkipped", "BytesDifferent", "BytesWritten", "BytesZeroed", "BytesVerified",
    "DifferentRanges", "Seconds", "BytesPerSecond", "Pairs", "BytesMoving",
    "BytesUnread",
  ]
  static let compareKeys: Set<String> = [
    "ProcessedByteLength", "ChangedByteOffsets", "ChangedByteLengths", "RangesOmitted",
  ]

  @Test("have DESIGN 3's keys: those of compare only there, BytesToWrite only of a dry run")
  func keys() throws {
    let resync = RunResult(.resync, .completed, "x", [.compared()])
    #expect(Set(try object(resync).keys) == Self.callKeys)
    #expect(Set(try pairs(resync)[0].keys).isDisjoint(with: Self.compareKeys))
    #expect(
      Set(try pairs(RunResult(.compare, .completed, "x", [.compared()]))[0].keys).isSuperset(
        of: Self.compareKeys))
    let dryRun = RunResult(.dryRun, .completed, "x", [.compared()])
    #expect(Set(try object(dryRun).keys) == Self.callKeys.union(["BytesToWrite"]))
  }

  @Test("of a resync name the way of writing, an error its place, a note its words")
  func resync() throws {
    var pair = PairResult.compared()
    pair.writeBack = .inPlace
    pair.pointInTime = .unproven
    pair.backingDirectIO = false
    pair.notes = ["read it again"]
    pair.returnValue = .failed
    pair.errors = [
      ErrorReport(
        ResyncError(
          .kernel(.ioError, .transfer), "write", on: "/dev/b", side: .recovery,
          range: ByteRange(offset: 4096, length: 8192)))
    ]
    let found = try pairs(RunResult(.resync, .failed, "x", [pair]))[0]
    #expect(found["WriteBack"] as? String == "in-place")
    #expect(found["PointInTime"] as? String == "unproven")
    #expect(found["BackingDirectIO"] as? Bool == false)
    #expect(found["Notes"] as? [String] == ["read it again"])
    let error = try #require((found["Errors"] as? [[String: Any]])?.first)
    #expect(
      Set(error.keys) == ["Attempt", "Device", "Side", "Offset", "Length", "Errno", "ReturnValue", "Message"])
    #expect(error["Attempt"] as? String == "write")
    #expect(error["Side"] as? String == "recovery")
    #expect(error["Offset"] as? Int == 4096 && error["Length"] as? Int == 8192)
    #expect(error["Errno"] as? String == "EIO")
    #expect(error["ReturnValue"] as? Int == 32768)
  }

  @Test("say Identical only of what was compared to its end")
  func identical() throws {
    func value(_ result: RunResult) throws -> [Any?] { [try object(result)["Identical"]] }
    #expect(try object(RunResult(.compare, .completed, "", [.identical()]))["Identical"] as? Bool == true)
    #expect(
      try object(RunResult(.compare, .completed, "", [.identical(), .compared()]))["Identical"] as? Bool
        == false)
    var failed = PairResult.identical()
    failed.returnValue = .failed
    #expect(try object(RunResult(.compare, .failed, "", [failed]))["Identical"] is NSNull)
    #expect(try pairs(RunResult(.compare, .failed, "", [failed]))[0]["Identical"] is NSNull)
    #expect(try object(RunResult(.dryRun, .completed, "", [.compared()]))["Identical"] as? Bool == false)
    let plan = Plan(Scene().request, [Scene().facts])
    #expect(try object(RunResult(describing: plan))["Identical"] is NSNull)
    #expect(try object(RunResult(declining: plan))["Identical"] is NSNull)
    #expect(try pairs(RunResult(describing: plan))[0]["PointInTime"] is NSNull)
    let error = ResyncError(.invalidParameter, "understand")
    #expect(try object(RunResult(nil, refusedBy: error))["Identical"] is NSNull)
    #expect(try pairs(RunResult(nil, refusedBy: error)).isEmpty)
  }

  @Test("say Identical of a resync that completed, whatever it wrote, and not where a running source moved")
  func identicalAfterWriting() throws {
    var pair = PairResult.compared()
    pair.writeBack = .inPlace
    pair.totals.bytesWritten = 12288
    #expect(RunResult(.resync, .completed, "", [pair, .identical()]).isIdentical == true)
    #expect(try pairs(RunResult(.resync, .completed, "", [pair]))[0]["Identical"] as? Bool == true)
    var running = pair
    running.sourceMode = .running
    #expect(running.isIdentical == true)
    running.totals.bytesMoving = 4096
    #expect(try object(RunResult(.resync, .completed, "", [pair, running]))["Identical"] as? Bool == false)
    var failed = pair
    failed.returnValue = .failed
    #expect(RunResult(.resync, .failed, "", [pair, failed]).isIdentical == false)
  }

  @Test("sum the pairs, and count what both passed over")
  func totals() throws {
    var second = PairResult.identical()
    (second.totals.bytesCompared, second.totals.bytesSkipped, second.totals.seconds) = (4096, 8192, 0.25)
    let found = try object(RunResult(.compare, .completed, "", [.compared(), second]))
    #expect(found["BytesCompared"] as? Int == 1_052_672)
    #expect(found["BytesSkipped"] as? Int == 8192)
    #expect(found["BytesDifferent"] as? Int == 12288)
    #expect(found["Seconds"] as? Double == 0.75)
    #expect(found["BytesPerSecond"] as? Int == 1_414_485)
  }

  @Test("carry hostile strings through a real encoder")
  func hostile() throws {
    let text = "\u{1b}[31m\"\n\\\u{9b}\u{202e}\0"
    var pair = PairResult.compared()
    pair.primary.stableName = text
    pair.guards[0].evidence = [text]
    let result = RunResult(.compare, .failed, text, [pair])
    #expect(try object(result)["Message"] as? String == text)
    #expect((try pairs(result)[0]["Primary"] as? [String: Any])?["StableName"] as? String == text)
    #expect(!result.json.contains("\u{1b}"))
  }
}
