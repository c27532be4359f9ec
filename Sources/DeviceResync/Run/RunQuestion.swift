/// What a run asks a person on a terminal.
public struct RunQuestion: Sendable, Equatable, Codable {
  /// What there is to decide, with the figures; a sentence or several, without the way to answer.
  public var text: String
  /// What must be typed to say yes; nil where `y` is enough.
  public var word: String?

  /// Creates a question.
  public init(_ text: String, typing word: String? = nil) {
    self.text = text
    self.word = word
  }
}

extension Plan {
  /// What must be answered by typing a recovery's name, besides the plan's own question.
  public var questions: [RunQuestion] {
    pairs.flatMap { pair in
      pair.guards.filter(\.asks).map { RunQuestion($0.reason, typing: pair.recovery.name.typed) }
    }
  }
}
