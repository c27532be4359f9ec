import SystemPackage

/// A process of our own that answers each line with a line: for what may hang, since whoever hangs answers nobody.
///
/// Letting go of it lets it end by itself, once it has done what it was asked.
package final class AnsweringProcess {
  private let title: String
  private let child: ChildProcess
  private let orders: OwnedDescriptor
  private let answers: OwnedDescriptor
  private var lines = LineBuffer()
  /// How many answers are to come that nobody waits for.
  private var unheard = 0

  /// Starts this executable again, under a name that ``serve(_:as:_:)`` knows.
  ///
  /// - Parameter title: what messages call it.
  package init(named name: String, _ title: String) throws(ResyncError) {
    self.title = title
    let orders = try attempt("make a pipe", on: "to \(title)", .setUp) { () throws(Errno) in try PipeEnds() }
    let answers = try attempt("make a pipe", on: "from \(title)", .setUp) { () throws(Errno) in try PipeEnds()
    }
    let child = try attempt("start", on: title, .setUp) { () throws(Errno) in
      try ChildProcess(ourselvesAs: name, control: orders.reading, events: answers.writing)
    }
    self.child = child
    self.orders = orders.writing
    self.answers = answers.reading
  }

  /// Asks, and waits for the answer.
  ///
  /// - Throws: 32772 where none comes in that time.
  package func ask<Answer: Decodable>(
    _ order: some Encodable, within limit: Duration
  ) throws(ResyncError) -> Answer {
    let deadline = ContinuousClock.now + limit
    while unheard > 0 {
      _ = try line(until: deadline)
      unheard -= 1
    }
    try send(order)
    do throws(ResyncError) {
      return try value(of: line(until: deadline))
    } catch {
      if error.cause == .timedOut { unheard += 1 }
      throw error
    }
  }

  /// Ends it, whatever it does.
  package func kill() { child.kill() }

  /// Tells something that may be left out where it is busy; returns whether it was told.
  package func tell(_ order: some Encodable) -> Bool {
    while unheard > 0 {
      guard (try? line(until: .now)) != nil else { return false }
      unheard -= 1
    }
    guard (try? send(order)) != nil else { return false }
    unheard += 1
    return true
  }

  private func send(_ order: some Encodable) throws(ResyncError) {
    try attempt("ask", on: title, .setUp) { () throws(Errno) in try orders.put(Wire.line(order)) }
  }

  /// The next line.
  ///
  /// - Throws: 32772 where none comes until `deadline`.
  private func line(until deadline: ContinuousClock.Instant) throws(ResyncError) -> [UInt8] {
    while true {
      if let line = try nextLine() { return line }
      let left = min(max(0, (deadline - .now).seconds), 1e6)
      let ready = try? waitForReadable([answers.rawValue], milliseconds: Int32((left * 1000).rounded(.up)))
      if ready?[0] == true {
        let bytes = (try? answers.take(1 << 16)) ?? []
        if bytes.isEmpty { throw noAnswer("it has ended") }
        lines.append(bytes)
      } else if ContinuousClock.now >= deadline {
        throw ResyncError(
          .timedOut, "wait for", on: title, reason: "it does not answer; it may wait for a disk",
          remedy: "see the kernel's log: dmesg")
      }
    }
  }

  private func nextLine() throws(ResyncError) -> [UInt8]? {
    do throws(WireFault) {
      return try lines.next()
    } catch {
      throw noAnswer("it says what is no answer (\(error))")
    }
  }

  private func noAnswer(_ reason: String) -> ResyncError {
    ResyncError(.incomplete, "wait for", on: title, reason: reason)
  }

  private func value<Answer: Decodable>(of line: [UInt8]) throws(ResyncError) -> Answer {
    do throws(WireFault) {
      return try Wire.value(of: line)
    } catch {
      throw noAnswer("it says what is no answer (\(error))")
    }
  }

  /// Returns at once in an ordinary process; in one that was started under `name` it never returns.
  ///
  /// - Parameter answer: what to answer to an order; nothing for what is none, which ends the process.
  package static func serve<Order: Decodable, Answer: Encodable>(
    _ arguments: [String], as name: String, _ answer: (Order) -> Answer
  ) {
    guard arguments == [name] else { return }
    do {
      let ends = try WorkerEnds()
      ignoreTerminal()
      nameProcess(name)
      // What is asked is done, whatever becomes of the terminal: it is short.
      try StopSignals.block()
      try forbidCoreDumps()
      var lines = LineBuffer()
      while true {
        while let line = try lines.next() {
          let order: Order = try Wire.value(of: line)
          try ends.events.put(Wire.line(answer(order)))
        }
        let bytes = try ends.control.take(1 << 16)
        if bytes.isEmpty { endProcess(0) }
        lines.append(bytes)
      }
    } catch {
      endProcess(1)
    }
  }
}
