public import SystemPackage

/// A path that the user typed, judged and resolved once (PITFALLS A11, A22).
public struct NamedPath: Sendable, Equatable {
  /// What stands in the way of using it.
  public enum Problem: Sendable, Equatable {
    /// Nothing is there; the component that is missing.
    case absent(String)
    /// A component cannot be looked at, and why.
    case unreadable(String, Errno)
    /// Somebody else than root can make this link lead elsewhere.
    case untrustedLink(String, String)
    /// A name that is the disk's content, which its replica carries too.
    case namedByContent(String)
    /// Neither a block device nor a regular file.
    case wrongKind
  }

  /// As it was typed.
  public let typed: String
  /// Where it leads, without links; nil where that could not be found out.
  public let canonical: FilePath?
  /// The file there.
  let status: FileStatus?
  /// Why it cannot be used; nil where it can.
  public let problem: Problem?
  /// Whether the name depends on the order in which disks were found.
  public let dependsOnOrder: Bool
}

extension NamedPath {
  /// Judges and resolves `typed`, component by component.
  init(resolving typed: String) {
    self.typed = typed
    dependsOnOrder = Self.dependsOnOrder(typed)
    var walk = Walk(typed)
    do throws(Walk.Stop) {
      // Such a name makes no sense, whether or not there is a disk behind it today.
      let path = Self.absolute(typed)
      if Self.isNamedByContent(path) { throw Walk.Stop(problem: .namedByContent(path.string)) }
      let end = try walk.follow()
      canonical = end.path
      status = end.status
      problem = end.status.kind == .blockDevice || end.status.kind == .regular ? nil : .wrongKind
    } catch {
      canonical = nil
      status = nil
      problem = error.problem
    }
  }

  /// Whether the name may mean another disk after a reboot: `/dev/sdX`, `/dev/vdX`, `/dev/xvdX`,
  /// `/dev/nvmeXnY`, `/dev/dm-N`, and partitions of these.
  static func dependsOnOrder(_ typed: String) -> Bool {
    let path = absolute(typed)
    guard path.removingLastComponent() == "/dev", let name = path.lastComponent?.string else { return false }
    return name.firstMatch(of: /^(sd[a-z]+\d*|x?vd[a-z]+\d*|nvme\d+(c\d+)?n\d+(p\d+)?|dm-\d+)$/) != nil
  }

  /// The typed name from the root on; an absolute one takes the place of the working directory.
  private static func absolute(_ typed: String) -> FilePath {
    workingDirectory().pushing(FilePath(typed)).lexicallyNormalized()
  }

  /// Whether the last component is a name that udev takes from the disk's content.
  static func isNamedByContent(_ path: FilePath) -> Bool {
    guard let name = path.lastComponent?.string else { return false }
    switch path.removingLastComponent().lastComponent?.string {
    case "by-uuid", "by-partuuid", "by-label", "by-partlabel": return true
    case "by-id": return name.hasPrefix("lvm-pv-uuid-")
    default: return false
    }
  }
}

/// Follows a path link by link.
private struct Walk {
  struct Stop: Error { let problem: NamedPath.Problem }

  private var done: FilePath
  private var rest: [FilePath.Component]
  /// The kernel follows 40 links at most (path_resolution(7)).
  private var linksLeft = 40

  init(_ typed: String) {
    let path = FilePath(typed)
    done = "/"
    // An absolute path takes the place of what it is pushed on.
    rest = Array(workingDirectory().pushing(path).components.reversed())
  }

  mutating func follow() throws(Stop) -> (path: FilePath, status: FileStatus) {
    while let component = rest.popLast() {
      switch component.kind {
      case .currentDirectory: continue
      case .parentDirectory:
        done.removeLastComponent()
        continue
      case .regular: break
      }
      let path = done.appending(component)
      if NamedPath.isNamedByContent(path) { throw Stop(problem: .namedByContent(path.string)) }
      let status = try status(path)
      if status.kind == .link {
        try follow(path, status)
      } else {
        done = path
      }
    }
    return (done, try status(done))
  }

  private mutating func follow(_ link: FilePath, _ status: FileStatus) throws(Stop) {
    linksLeft -= 1
    guard linksLeft > 0 else { throw Stop(problem: .unreadable(link.string, .tooManySymbolicLinkLevels)) }
    let directory = try self.status(done)
    if status.owner != 0 {
      throw Stop(problem: .untrustedLink(link.string, "it belongs to user \(status.owner)"))
    }
    if directory.owner != 0 {
      throw Stop(problem: .untrustedLink(link.string, "its directory belongs to user \(directory.owner)"))
    }
    if directory.permissions & 0o022 != 0 {
      throw Stop(problem: .untrustedLink(link.string, "others than root may write to its directory"))
    }
    let target: FilePath?
    do throws(Errno) { target = try linkTarget(link) } catch {
      throw Stop(problem: .unreadable(link.string, error))
    }
    guard let target else { return rest.append(contentsOf: link.components.suffix(1)) }  // no link any more
    if target.isAbsolute { done = "/" }
    rest.append(contentsOf: target.components.reversed())
  }

  private func status(_ path: FilePath) throws(Stop) -> FileStatus {
    do throws(Errno) {
      return try FileStatus(at: path, followingLink: false)
    } catch .noSuchFileOrDirectory, .notDirectory {
      throw Stop(problem: .absent(path.string))
    } catch {
      throw Stop(problem: .unreadable(path.string, error))
    }
  }
}
