import SystemPackage

/// A process that has a disk open, or mapped into its memory.
public struct Opener: Sendable, Hashable {
  /// What it has open.
  public enum Target: Sendable, Hashable {
    case device(DeviceNumber)
    case file(FileIdentity)
  }

  /// Its process id.
  public let process: Int32
  /// The program's name (`comm`), as the kernel keeps it.
  public let program: String
  /// Which device or file.
  public let target: Target
  /// Whether it may write.
  public let isWriting: Bool
  /// Whether it holds locks on bytes of it, as QEMU does.
  var isLocking = false
  /// Whether it was killed: it does nothing any more, but what it asked of the kernel is still ending.
  var isDying = false

  /// `pid 4711 (qemu-system-x86)`.
  public var description: String { "pid \(process) (\(PrintableText(program)))" }
}

/// Who has disks open, and who could not be asked.
struct OpenerScan: Sendable {
  var openers: [Opener] = []
  /// Processes that do not let themselves be looked into: another security module, or more rights than ours.
  var opaque: [OpaqueProcess] = []
}

/// A process whose descriptors could not be listed.
public struct OpaqueProcess: Sendable, Hashable {
  /// Its process id.
  public let process: Int32
  /// The program's name (`comm`).
  public let program: String
}

/// Looks for who has block devices open, and who one of `files`.
///
/// By device number through `/proc/PID/fd`, since libvirt gives QEMU device nodes of its own (PITFALLS A13);
/// shared writable mappings count too, for a mapping outlives its descriptor.
func discoverOpeners(of files: Set<FileIdentity>, proc: FilePath = "/proc") throws(Errno) -> OpenerScan {
  var openers: Set<Opener> = []
  var scan = OpenerScan()
  for name in try directoryNames(proc) {
    guard let process = Int32(name) else { continue }
    do throws(Errno) {
      let directory = try OwnedDescriptor(opening: proc.appending(name), [.directory])
      do throws(Errno) {
        try look(into: process, directory, for: files, &openers)
      } catch .permissionDenied, .notPermitted {
        scan.opaque.append(OpaqueProcess(process: process, program: try program(directory)))
      }
    } catch .noSuchFileOrDirectory, .noSuchProcess, .invalidArgument {
      continue  // ended meanwhile
    }
  }
  scan.openers = openers.sorted { ($0.process, $0.isWriting ? 0 : 1) < ($1.process, $1.isWriting ? 0 : 1) }
  return scan
}

private func program(_ directory: borrowing OwnedDescriptor) throws(Errno) -> String {
  String(try directory.opening("comm", .readOnly).readText().dropLast())
}

/// Looks into a process; where its first thread shows nothing, into its other threads.
///
/// A thread that exits before the others is a zombie until they end: it keeps the process's id, but no descriptor and
/// no memory (proc_pid_task(5)).
private func look(
  into process: Int32, _ directory: borrowing OwnedDescriptor, for files: Set<FileIdentity>,
  _ openers: inout Set<Opener>
) throws(Errno) {
  var refusal: Errno?
  do throws(Errno) {
    if try look(intoThread: process, directory, for: files, &openers) { return }
  } catch .noSuchProcess {
    // It has no memory any more; its threads may.
  } catch .permissionDenied {
    refusal = .permissionDenied
  }
  // Kernel threads come here too: they have no descriptors, and no threads beside them.
  let threads = try threadNames(directory).filter { $0 != "\(process)" }
  for thread in threads {
    do throws(Errno) {
      let task = try directory.opening("task/\(thread)", [.directory])
      _ = try look(intoThread: process, task, for: files, &openers)
      refusal = nil
    } catch .noSuchFileOrDirectory, .noSuchProcess, .invalidArgument {
      continue  // ended meanwhile
    }
  }
  if let refusal { throw refusal }
}

/// Nothing for a process that ended meanwhile.
private func threadNames(_ directory: borrowing OwnedDescriptor) throws(Errno) -> [String] {
  do throws(Errno) {
    return try directory.opening("task", [.directory]).names()
  } catch .noSuchFileOrDirectory, .noSuchProcess {
    return []
  }
}

/// - Returns: whether it has any descriptor.
private func look(
  intoThread process: Int32, _ directory: borrowing OwnedDescriptor, for files: Set<FileIdentity>,
  _ openers: inout Set<Opener>
) throws(Errno) -> Bool {
  let descriptors = try directory.opening("fd", [.directory])
  let names = try descriptors.names()
  for name in names {
    guard let status = try statusIfOpen(descriptors, name), let target = Opener.Target(status, among: files)
    else { continue }
    guard let use = try use(of: name, directory) else { continue }
    openers.insert(
      Opener(
        process: process, program: try program(directory), target: target, isWriting: use.isWriting,
        isLocking: use.isLocking, isDying: try isDying(directory)))
  }
  for mapping in try directory.opening("maps", .readOnly).readText().split(separator: "\n") {
    // "7f12…-7f13… rw-s 00000000 00:06 1234 /dev/sdb": only shared mappings reach the disk.
    let fields = mapping.split(separator: " ", maxSplits: 5)
    guard fields.count == 6, fields[1].hasSuffix("s"), fields[1].hasPrefix("rw"), fields[4] != "0",
      let status = try statusIfOpen(directory, "map_files/\(fields[0])"),
      let target = Opener.Target(status, among: files)
    else { continue }
    openers.insert(
      Opener(
        process: process, program: try program(directory), target: target, isWriting: true,
        isDying: try isDying(directory)))
  }
  return !names.isEmpty
}

/// Whether SIGKILL, the bit 8, is pending for a thread or its process: lines `SigPnd:\t…` and `ShdPnd:\t…` of
/// `status`, in hexadecimal (proc_pid_status(5)).
///
/// It stays pending while a thread waits for a device in the kernel.
private func isDying(_ directory: borrowing OwnedDescriptor) throws(Errno) -> Bool {
  try directory.opening("status", .readOnly).readText().split(separator: "\n").contains { line in
    guard line.hasPrefix("SigPnd:") || line.hasPrefix("ShdPnd:") else { return false }
    return (UInt64(line.dropFirst(7).drop(while: { $0 == "\t" }), radix: 16) ?? 0) & 0x100 != 0
  }
}

/// Nil for what was closed meanwhile.
private func statusIfOpen(_ directory: borrowing OwnedDescriptor, _ name: String) throws(Errno) -> FileStatus?
{
  do throws(Errno) {
    return try FileStatus(below: directory, name)
  } catch .noSuchFileOrDirectory, .badFileDescriptor {
    return nil
  }
}

/// Reads `fdinfo/N` (proc_pid_fdinfo(5)): the access mode from a line `flags:\t0100002`, in octal, and locks on
/// bytes from lines `lock:\t1: OFDLCK ADVISORY READ …`; nil for what was closed meanwhile.
private func use(
  of name: String, _ directory: borrowing OwnedDescriptor
) throws(Errno) -> (isWriting: Bool, isLocking: Bool)? {
  let text: String
  do throws(Errno) {
    text = try directory.opening("fdinfo/\(name)", .readOnly).readText()
  } catch .noSuchFileOrDirectory {
    return nil
  }
  let lines = text.split(separator: "\n")
  let isLocking = lines.contains { $0.hasPrefix("lock:") && !$0.contains("FLOCK") }
  guard let line = lines.first(where: { $0.hasPrefix("flags:") }),
    let flags = UInt64(line.dropFirst(6).drop(while: { $0 == "\t" || $0 == " " }), radix: 8)
  else { return (true, isLocking) }
  return (flags & 0o3 != 0, isLocking)
}

extension Opener.Target {
  fileprivate init?(_ status: FileStatus, among files: Set<FileIdentity>) {
    switch status.kind {
    case .blockDevice: self = .device(status.deviceNumber)
    case .regular where files.contains(status.identity): self = .file(status.identity)
    default: return nil
    }
  }
}

/// Whether `/proc` shows the processes of the whole host: ours is the first PID namespace, and `/proc` is its.
///
/// Source: the kernel gives the first PID namespace the fixed inode number `PROC_PID_INIT_INO`
/// (include/linux/proc_ns.h).
func seesAllProcesses(proc: FilePath = "/proc") -> Bool {
  // Whatever cannot be read is not proven.
  guard let namespace = try? linkTarget(proc.appending("self/ns/pid")) else { return false }
  return namespace.string == "pid:[\(UInt32(0xefff_fffc))]"
}
