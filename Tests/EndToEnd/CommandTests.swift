import Testing

@Suite("the command") struct CommandTests {}
