import ArgumentParser
import DeviceResync
import ReplicationService
import SystemPackage

struct ConfigCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "config",
    abstract: "Check the configuration, show what holds for a system, suggest a relationship.",
    subcommands: [Check.self, Show.self, Suggest.self])

  struct Check: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Read a configuration, and say what is wrong with it.")

    @Argument(help: ArgumentHelp("The file; those in conf.d beside it are read too.", valueName: "file"))
    var file = Configuration.usualPath.string

    func validate() { CallContext.current.configuration = Configuration.file(file) }

    func run() throws {
      let configuration = try Configuration(at: FilePath(file)).completed()
      for relationship in configuration.relationships { _ = try configuration.pairs(of: relationship) }
      print(
        "\(PrintableText(file)): \(configuration.systems.count) systems, \(configuration.relationships.count) relationships"
      )
    }
  }

  struct Show: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Show the relationship that a system is resynchronized by, and where each setting comes from."
    )

    @Argument(help: ArgumentHelp("The computer system.", valueName: "system"))
    var system: String

    @OptionGroup var from: ConfigurationOptions
    @OptionGroup var state: StateOptions

    func run() throws {
      let configuration = try from.configuration(for: [system])
      let relationship = try configuration.relationship(
        of: system, named: from.relationship, roles: configuration.roles(in: state.stateDir))
      print(try configuration.text(of: relationship), terminator: "")
    }
  }

  struct Suggest: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Print a relationship of two systems to paste.")

    @Argument(help: ArgumentHelp("The system that is read.", valueName: "primary"))
    var primary: String

    @Argument(help: ArgumentHelp("The system that mirrors it.", valueName: "recovery"))
    var recovery: String

    @OptionGroup var from: ConfigurationOptions

    func run() throws {
      print(
        try from.configuration(for: [primary, recovery], orNone: true).suggestion(
          primary: primary, recovery: recovery), terminator: "")
    }
  }
}

/// Where systems and relationships are described.
struct ConfigurationOptions: ParsableArguments {
  @Option(help: ArgumentHelp("Where systems and relationships are described.", valueName: "file"))
  var config = Configuration.usualPath.string

  @Option(help: ArgumentHelp("Which relationship, where a system has several recoveries.", valueName: "name"))
  var relationship: String?

  func validate() { CallContext.current.configuration = Configuration.file(config) }

  @OptionGroup var hypervisors: HypervisorOptions

  /// What is described; nil where there is no file in the usual place.
  func usual() throws(ResyncError) -> Configuration? { try .ifPresent(at: FilePath(config)) }

  /// What is described, and what hypervisors know of the systems that are named there or in `systems`.
  ///
  /// - Parameter orNone: whether there may be no file in the usual place.
  func configuration(for systems: [String], orNone: Bool = false) throws(ResyncError) -> Configuration {
    var configuration = orNone ? try usual() ?? Configuration() : try Configuration(at: FilePath(config))
    if !hypervisors.libvirt.isEmpty { configuration.hypervisors = hypervisors.libvirt }
    return try configuration.completed(for: systems)
  }
}

/// Who knows the virtual machines of this host.
struct HypervisorOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Whom to ask for virtual machines and their disks, by libvirt's names; repeats. (default: who is there)",
      valueName: "uri"))
  var libvirt: [String] = []

  /// Those that were named, else those of the usual configuration, where there is one.
  func known() throws(ResyncError) -> [String] {
    libvirt.isEmpty ? try Configuration.ifPresent()?.hypervisors ?? [] : libvirt
  }
}
