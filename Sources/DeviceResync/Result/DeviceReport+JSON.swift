extension DeviceReport {
  /// One JSON object, with a newline at its end.
  public var json: String { jsonText(Document(report: self)) }

  private struct Document: Encodable {
    let report: DeviceReport

    enum CodingKeys: String, CodingKey {
      case formatVersion = "FormatVersion"
      case returnValue = "ReturnValue"
      case returnName = "ReturnName"
      case devices = "Devices"
      case images = "Images"
      case seesAllProcesses = "SeesAllProcesses"
    }

    func encode(to encoder: any Encoder) throws {
      var container = encoder.container(keyedBy: CodingKeys.self)
      try container.encode(RunResult.formatVersion, forKey: .formatVersion)
      try container.encode(ReturnValue.completed, forKey: .returnValue)
      try container.encode(ReturnValue.completed.name, forKey: .returnName)
      try container.encode(report.devices.map { DeviceObject(device: $0, report: report) }, forKey: .devices)
      try container.encode(report.images.map { ImageObject(image: $0, report: report) }, forKey: .images)
      try container.encode(report.host.seesAllProcesses, forKey: .seesAllProcesses)
    }
  }

  private struct DeviceObject: Encodable {
    let device: BlockDevice
    let report: DeviceReport

    enum CodingKeys: String, CodingKey {
      case path = "Path", kernelName = "KernelName", deviceNumber = "DeviceNumber", kind = "Kind", size =
        "Size"
      case logicalBlockSize = "LogicalBlockSize", physicalBlockSize = "PhysicalBlockSize", readOnly =
        "ReadOnly"
      case rotational = "Rotational", zonedModel = "ZonedModel", countsSectors = "CountsSectors"
      case transport = "Transport", model = "Model", serial = "Serial", wwid = "WWID", stableName =
        "StableName"
      case diskSequence = "DiskSequence", disk = "Disk", start = "Start", partitions = "Partitions"
      case holders = "Holders", slaves = "Slaves", mapperName = "MapperName", loop = "Loop", links = "Links"
      case content = "Content", mounts = "Mounts", swap = "Swap", openers = "Openers", remembered =
        "Remembered"
    }

    func encode(to encoder: any Encoder) throws {
      var container = encoder.container(keyedBy: CodingKeys.self)
      try container.encode(device.node, forKey: .path)
      try container.encode(device.name, forKey: .kernelName)
      try container.encode(device.number, forKey: .deviceNumber)
      try container.encode(device.kind, forKey: .kind)
      try container.encode(device.size, forKey: .size)
      try container.encode(device.queue.logicalBlockSize, forKey: .logicalBlockSize)
      try container.encode(device.queue.physicalBlockSize, forKey: .physicalBlockSize)
      try container.encode(device.isReadOnly, forKey: .readOnly)
      try container.encode(device.queue.isRotational, forKey: .rotational)
      try container.encode(device.queue.zonedModel, forKey: .zonedModel)
      try container.encode(device.queue.countsSectors, forKey: .countsSectors)
      try container.encode(device.transport, forKey: .transport)
      try container.encode(device.model, forKey: .model)
      try container.encode(device.serial, forKey: .serial)
      try container.encode(device.wwid, forKey: .wwid)
      try container.encode(device.stableName, forKey: .stableName)
      try container.encode(device.diskSequence, forKey: .diskSequence)
      try container.encode(device.disk, forKey: .disk)
      try container.encode(device.rangeOnDisk?.offset, forKey: .start)
      try container.encode(device.partitions, forKey: .partitions)
      try container.encode(device.holders, forKey: .holders)
      try container.encode(device.slaves, forKey: .slaves)
      try container.encode(device.mapperName, forKey: .mapperName)
      try container.encode(device.loop.map(LoopObject.init), forKey: .loop)
      try container.encode(device.links, forKey: .links)
      try container.encode(report.contents[device.name], forKey: .content)
      let mounts = report.host.mounts.filter { $0.device == device.number || $0.source == device.node }
      try container.encode(mounts.map(\.mountPoint), forKey: .mounts)
      try container.encode(report.host.swaps.contains { $0.device == device.number }, forKey: .swap)
      let openers = report.host.openers.filter { $0.target == .device(device.number) }
      try container.encode(openers.map(OpenerObject.init), forKey: .openers)
      try container.encode(report.remembered[device.name].map(MemoryObject.init), forKey: .remembered)
    }
  }

  /// What runs have made of a disk.
  private struct MemoryObject: Encodable {
    let consistency: Consistency?
    let primaryOf: Int
    let lastProvenEqual: Timestamp?
    let recoveryPoint: PointObject?
    let failedOver: Timestamp?
    enum CodingKeys: String, CodingKey {
      case consistency = "Consistency", primaryOf = "PrimaryOf", lastProvenEqual = "LastProvenEqual"
      case recoveryPoint = "RecoveryPoint", failedOver = "FailedOver"
    }

    init(_ disk: RememberedDisk) {
      consistency = disk.asRecovery
      primaryOf = disk.primaryOf
      lastProvenEqual = disk.lastProvenEqual
      recoveryPoint = disk.recoveryPoint.map(PointObject.init)
      failedOver = disk.failedOver
    }

    func encode(to encoder: any Encoder) throws {
      var container = encoder.container(keyedBy: CodingKeys.self)
      try container.encode(consistency, forKey: .consistency)
      try container.encode(primaryOf, forKey: .primaryOf)
      try container.encode(lastProvenEqual, forKey: .lastProvenEqual)
      try container.encode(recoveryPoint, forKey: .recoveryPoint)
      try container.encode(failedOver, forKey: .failedOver)
    }
  }

  private struct LoopObject: Encodable {
    let loop: BlockDevice.LoopBinding
    enum CodingKeys: String, CodingKey {
      case backingFile = "BackingFile", offset = "Offset", sizeLimit = "SizeLimit", readOnly = "ReadOnly"
      case directIO = "DirectIO", autoclear = "Autoclear"
    }

    func encode(to encoder: any Encoder) throws {
      var container = encoder.container(keyedBy: CodingKeys.self)
      try container.encode(loop.path, forKey: .backingFile)
      try container.encode(loop.offset, forKey: .offset)
      try container.encode(loop.sizeLimit, forKey: .sizeLimit)
      try container.encode(loop.isReadOnly, forKey: .readOnly)
      try container.encode(loop.usesDirectIO, forKey: .directIO)
      try container.encode(loop.detachesItself, forKey: .autoclear)
    }
  }

  private struct OpenerObject: Encodable {
    let process: Int32
    let program: String
    let writing: Bool
    enum CodingKeys: String, CodingKey {
      case process = "ProcessId", program = "Program", writing = "Writing"
    }

    init(_ opener: Opener) {
      process = opener.process
      program = opener.program
      writing = opener.isWriting
    }
  }

  private struct ImageObject: Encodable {
    let image: NamedDisk
    let report: DeviceReport
    enum CodingKeys: String, CodingKey {
      case identity = "Identity", allocated = "Allocated", content = "Content", loops = "Loops", openers =
        "Openers"
      case remembered = "Remembered"
    }

    func encode(to encoder: any Encoder) throws {
      var container = encoder.container(keyedBy: CodingKeys.self)
      try container.encode(image.identity, forKey: .identity)
      try container.encode(image.image?.status.allocated, forKey: .allocated)
      try container.encode(image.content, forKey: .content)
      try container.encode(
        (image.image?.identity).map { report.host.loops(over: $0).map(\.node) } ?? [], forKey: .loops)
      let openers = report.host.openers.filter {
        $0.target == (image.image?.identity).map(Opener.Target.file)
      }
      try container.encode(openers.map(OpenerObject.init), forKey: .openers)
      try container.encode(report.remembered[image.name.typed].map(MemoryObject.init), forKey: .remembered)
    }
  }
}
