/// What a worker is started for: the first line on its control pipe.
public enum WorkerRequest: Sendable, Codable {
  /// `compare`, `resync` and `plan`: plans, reports the plan, and carries it out when it is told to begin.
  case resynchronize(RunRequest)
  /// Finishes or drops what stopped runs have left, at once.
  case repair(RepairRequest)
  /// Goes back to a recovery point: reports what would be done, and does it when it is told to begin; or gives the
  /// point up, at once.
  case rollBack(RollbackRequest)
  /// Fails over, takes that back, or exchanges the roles: reports what would be done, and does it when it is told to
  /// begin.
  case changeRoles(RoleRequest)
  /// Looks at the host's devices.
  case devices(DevicesRequest)
}

extension WorkerRequest {
  /// Whether its plan is shown before it begins.
  var waitsForBeginning: Bool {
    switch self {
    case .resynchronize, .changeRoles: true
    case .rollBack(let request): !request.discards
    case .repair, .devices: false
    }
  }
}

extension WorkerRequest {
  /// Where it was asked for.
  public var context: CallContext {
    switch self {
    case .resynchronize(let request): request.context
    case .repair(let request):
      CallContext(
        stateDirectory: request.stateDirectory, recoveries: request.paths, hypervisors: request.hypervisors)
    case .rollBack(let request):
      CallContext(
        stateDirectory: request.stateDirectory, recoveries: request.paths, hypervisors: request.hypervisors)
    case .changeRoles(let request):
      CallContext(
        stateDirectory: request.stateDirectory, configuration: request.configuration,
        recoveries: request.pairs.map(\.recovery), hypervisors: request.hypervisors)
    case .devices(let request): CallContext(stateDirectory: request.stateDirectory)
    }
  }
}

/// What a caller of `devices` asks for.
public struct DevicesRequest: Sendable, Codable, Equatable {
  /// Only these devices or images; all where there is none.
  public var paths: [String]
  /// Where what is remembered of them is read.
  public var stateDirectory: String
  /// Whether one JSON object is wanted.
  public var json: Bool
  /// Columns of the text.
  public var width: Int

  /// Creates a request.
  public init(_ paths: [String], stateDirectory: String, json: Bool, width: Int) {
    self.paths = paths
    self.stateDirectory = stateDirectory
    self.json = json
    self.width = width
  }
}

/// What a monitor tells its worker afterwards, a line each; the end of the pipe says that the monitor is gone.
enum WorkerOrder: Sendable, Codable, Equatable {
  /// The plan was read, and answered with yes where it had to be.
  case begin
  /// A signal or a request; the second one ends right after the drain. Whether what was staged is to be dropped.
  case terminate(atOnce: Bool, dropping: Bool)
  /// The run's time is over.
  case runOut
  /// A person's answer to the run's question.
  case answer(Bool)
}

/// What a worker tells its monitor, a line each; a plan's report, the devices or the result is what it was started for.
enum WorkerMessage: Sendable, Codable {
  case event(RunEvent)
  case plan(PlanReport)
  case devices(String)
  case result(RunResult.Wire)
}

/// A plan as its reader needs it: texts, and the result that it ends with where it is not carried out.
public struct PlanReport: Sendable, Codable {
  /// The plan for people; with what was found in the way, or to be warned of.
  public let text: String
  /// The same with every guard's verdict.
  public let fullText: String
  /// Whether a guard refuses it.
  public let isRefused: Bool
  /// Where differences go; nil where none is written.
  public let writeBack: RunRequest.WriteBack?
  /// What must be answered by typing, besides the plan's own question.
  public let questions: [RunQuestion]
  private let wire: RunResult.Wire
  private enum CodingKeys: String, CodingKey { case text, fullText, isRefused, writeBack, questions, wire }

  /// What the run would return, or 0 where nothing refuses it.
  public let described: RunResult

  init(_ plan: Plan) {
    text = plan.text(allVerdicts: false)
    fullText = plan.text(allVerdicts: true)
    isRefused = plan.refusal != nil
    writeBack = plan.request.writes ? plan.request.writeBack : nil
    questions = plan.questions
    described = RunResult(describing: plan)
    wire = RunResult.Wire(described)
  }

  init(_ plan: RollbackPlan) {
    text = plan.text
    fullText = plan.text
    isRefused = false
    writeBack = .staged
    questions = []
    described = RunResult(nil, .completed, "nothing is in the way", [])
    wire = RunResult.Wire(described)
  }

  init(_ plan: RolePlan) {
    text = plan.text
    fullText = plan.text
    isRefused = false
    writeBack = nil
    questions = plan.questions
    var result = RunResult(nil, .completed, "nothing is in the way", [])
    result.computerSystem = plan.request.recovery
    described = result
    wire = RunResult.Wire(result)
  }

  /// Reads a report.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    text = try container.decode(String.self, forKey: .text)
    fullText = try container.decode(String.self, forKey: .fullText)
    isRefused = try container.decode(Bool.self, forKey: .isRefused)
    writeBack = try container.decodeIfPresent(RunRequest.WriteBack.self, forKey: .writeBack)
    questions = try container.decode([RunQuestion].self, forKey: .questions)
    wire = try container.decode(RunResult.Wire.self, forKey: .wire)
    described = try wire.result()
  }

  /// A plan that was shown and not confirmed.
  public var declined: RunResult {
    var result = described
    result.returnValue = .completed
    result.message = "nothing was done: the plan was declined"
    result.wasDeclined = true
    return result
  }
}
