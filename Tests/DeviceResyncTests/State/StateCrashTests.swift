import Testing

@testable import DeviceResync

/// The state's part of DESIGN 6 under power cuts: before every step, with each thing that was under way there, in
/// part, or not; then the start after it, which is cut at every step as well.
@Suite struct StateCrashTests {
  /// What the recovery's blocks are.
  enum Recovery: Equatable { case old, mixed, new }

  /// All that is durable, and what the model knows of it.
  struct World {
    var store: MemoryStore
    var recovery = Recovery.old
    var staging: StartFacts.Staging?
  }

  static let pairs = [samplePair("a", "b"), samplePair("c", "d")]
  static let former = Timestamp.sample(100)
  static let latest = Timestamp.sample(200)

  /// A relationship that was Consistent before; a cut leaves it to `power`.
  static func initialWorld(omitting barrier: MemoryStore.Barrier?, isFirstRun: Bool) throws -> World {
    var book = StateBook(MemoryStore(omitting: barrier))
    if !isFirstRun {
      let hold = try book.begin(sampleRun(1), on: pairs)
      try book.finish(hold, .consistent(at: former), completed: nil)
    }
    return World(store: try #require(book.store.afterPowerCut().last))
  }

  /// Steps 1 to 10; whatever was reached when the power failed is in `world`.
  static func run(_ world: inout World, _ power: PowerSupply) throws(ResyncError) {
    var book = StateBook(world.store.powered(by: power))
    defer { world.store = book.store }
    let run = sampleRun(2)
    let hold = try book.begin(run, on: pairs)
    try power.step()
    world.staging = .unusable("it has no seal")
    try power.step()
    world.staging = .sealed
    try book.commit(hold, sampleSeal(of: run))
    try apply(&world, power)
    try book.finish(hold, .consistent(at: latest), completed: sampleCompleted(run))
    try power.step()
    world.staging = nil
  }

  static func apply(_ world: inout World, _ power: PowerSupply) throws(ResyncError) {
    world.recovery = .mixed
    try power.step()
    world.recovery = .new
    try power.step()
  }

  /// The next start: does what must be done first, until a run may begin.
  static func start(_ world: inout World, _ power: PowerSupply) throws {
    var book = StateBook(world.store.powered(by: power))
    defer { world.store = book.store }
    while true {
      switch try decide(book, world) {
      case .proceed: return
      case .dropStaging(_, let relationship), .continueRun(let relationship):
        guard let hold = try book.takeOver(relationship) else { continue }
        try power.step()
        world.staging = nil
        try book.abandon(hold)
      case .rollForward(let relationship):
        guard let hold = try book.takeOver(relationship) else { continue }
        try book.recommit(hold)
        try apply(&world, power)
        try book.finish(hold, .consistent(at: latest), completed: nil)
        try power.step()
        world.staging = nil
      case .giveUp(_, let error), .refuse(let error): throw error
      }
    }
  }

  static func decide(_ book: borrowing StateBook<MemoryStore>, _ world: World) throws -> StartDecision {
    let found = try book.lookUp(pairs.flatMap { [$0.primary.identity, $0.recovery.identity] })
    return StartFacts(
      purpose: .resync, pairs: pairs, relationships: found.relationships, disks: found.disks, held: [],
      staging: Dictionary(
        uniqueKeysWithValues: found.relationships.map { ($0.id, world.staging ?? .unusable("it is gone")) })
    ).decide()
  }

  /// What is wrong with the world that a start finds; nil where nothing is.
  static func violation(_ world: World) -> String? {
    let book = StateBook(world.store)
    do {
      let decision = try decide(book, world)
      let states = try book.relationships().states.map(\.consistency)
      let isLatest = states == [.settled(.consistent(at: latest))]
      switch (world.recovery, decision) {
      case (_, .giveUp), (_, .refuse): return "nothing was lost, and it says \(decision)"
      case (.mixed, .rollForward), (.new, .rollForward): return nil
      case (.mixed, _): return "old and new blocks are mixed, and it says \(decision), \(states)"
      case (.old, .rollForward): return nil
      case (.old, _): return isLatest ? "the old replica is called new" : nil
      case (.new, _): return isLatest ? nil : "the new replica is called \(states)"
      }
    } catch {
      return "\(error)"
    }
  }

  /// Every world that a cut at every step of `program` leaves, and the one of the end.
  static func worlds(
    from world: World, _ program: (inout World, PowerSupply) throws -> Void
  ) throws -> [World] {
    var worlds: [World] = []
    for step in 0... {
      let power = PowerSupply(failingAt: step)
      var left = world
      do {
        try program(&left, power)
      } catch let error where !power.isOff {
        throw error
      } catch {}
      worlds += left.store.afterPowerCut().map { store in
        var world = left
        world.store = store
        return world
      }
      // A write that was under way may not have begun.
      if left.recovery == .mixed {
        worlds += left.store.afterPowerCut().map { World(store: $0, recovery: .old, staging: left.staging) }
      }
      if !power.isOff { break }
    }
    return distinct(worlds)
  }

  /// Without those that another cut leaves, too.
  static func distinct(_ worlds: [World]) -> [World] {
    var seen: Set<String> = []
    return worlds.filter { seen.insert("\($0.store.contents) \($0.recovery) \($0.staging as Any)").inserted }
  }

  /// The first violation after one cut or two, and how many worlds were looked at.
  static func firstViolation(
    omitting barrier: MemoryStore.Barrier?, isFirstRun: Bool
  ) throws -> (found: String?, looked: Int) {
    let initial = try initialWorld(omitting: barrier, isFirstRun: isFirstRun)
    let once = try worlds(from: initial) { try run(&$0, $1) }
    if let found = once.lazy.compactMap(violation).first { return (found, once.count) }
    let twice = distinct(try once.flatMap { world in try worlds(from: world) { try start(&$0, $1) } })
    return (twice.lazy.compactMap(violation).first, once.count + twice.count)
  }

  @Test("after any power cut, and one more, the state says what the recovery is", arguments: [false, true])
  func anyCut(isFirstRun: Bool) throws {
    let result = try Self.firstViolation(omitting: nil, isFirstRun: isFirstRun)
    #expect(result.found == nil)
    #expect(result.looked > 30)
  }

  @Test("without either barrier of a replacement it does not", arguments: MemoryStore.Barrier.allCases)
  func omittedBarrier(barrier: MemoryStore.Barrier) throws {
    let violation = try Self.firstViolation(omitting: barrier, isFirstRun: false).found
    #expect(violation != nil)
  }
}
