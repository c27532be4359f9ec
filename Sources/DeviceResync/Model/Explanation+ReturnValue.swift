extension Explanation {
  /// What a return value means: the one place that says so; manual and README list the same.
  init(_ value: ReturnValue) {
    func says(_ meaning: String, _ causes: [String], _ ways: [String]) -> Explanation {
      Explanation(.returnValue, value.rawValue, value.name, meaning, causes: causes, ways: ways)
    }
    self =
      switch value {
      case .completed:
        says(
          "the call went through",
          [
            "resync: every disk pair is identical, and flushed to stable storage; what was to be verified was",
            "compare: the comparison completed",
          ], [])
      case .jobStarted:
        says(
          "all that can be checked now has passed, and a job will do or does the rest",
          ["--background", "a start time in the future"], ["follow it: vmresync job watch"])
      case .failed:
        says(
          "it went wrong in a way that no other value names",
          [
            "a disk gave an I/O error: the message names device and bytes",
            "what was read back is not what was written",
            "no room for the staging file, or on the recovery",
            "somebody else wrote to a disk during the run",
            "a signal or a request ended it (exit status 21)", "a process of vmresync died",
          ],
          [
            "look at the message and at the kernel's log: dmesg",
            "what a stopped run left: vmresync repair, or run again",
          ])
      case .accessDenied:
        says(
          "it is not allowed",
          [
            "not root", "a recovery that is write-protected (blockdev --getro)",
            "a configuration or state directory that others than root may write",
          ], ["run it as root", "blockdev --setrw, chmod go-w, as the message says"])
      case .notSupported:
        says(
          "this storage or this host cannot do it",
          [
            "a container format where a raw image is needed", "blocks or a tail that cannot be reached",
            "a host-managed zoned device", "a system call that this kernel lacks or forbids",
          ],
          ["qemu-img convert -O raw, where it is a container", "leave out the option that the message names"])
      case .statusUnknown:
        says(
          "who uses a disk, or how a job ended, could not be found out",
          ["/proc is another PID namespace's, or incomplete"], ["run it in the host's own namespaces"])
      case .timeout:
        says(
          "it took too long",
          [
            "nothing has moved for --stall-timeout: a disk hangs", "--max-duration is over",
            "a disk gave ETIMEDOUT",
          ],
          [
            "look at the disk that the message names, and at dmesg",
            "run again: it goes on where that can be proved",
          ])
      case .invalidParameter:
        says(
          "the call, or the configuration, makes no sense",
          [
            "an option, or a combination of them", "primary and recovery are the same storage, or overlap",
            "a name that does not name a disk, such as /dev/disk/by-uuid", "disks that cannot be paired",
            "a system that takes part in several relationships",
          ],
          [
            "vmresync COMMAND --help", "vmresync config check",
            "--relationship NAME, where there are several",
          ])
      case .systemInUse:
        says(
          "somebody uses the recovery",
          [
            "it is mounted, swap, held by LVM, md or dm",
            "a process has it open for writing, or QEMU has locked it",
            "another run works on it, or a former run's last I/O is still ending",
          ], ["see who: vmresync devices", "end that, and run again"])
      case .invalidState:
        says(
          "the state of the disks or of the relationship does not permit it",
          [
            "the recovery is failed over: it is live",
            "the primary is in use, and no point in time of it can be had",
            "the direction contradicts what was done before", "a leaf replica, or replication is disabled",
            "sizes differ, or more differs than --max-difference", "a record or staging file cannot be used",
          ],
          [
            "failed over: vmresync reverse SYSTEM, or vmresync failover --revert SYSTEM",
            "see every guard's verdict: vmresync plan", "what a stopped run left: vmresync repair",
          ])
      case .incorrectDataType:
        says(
          "a value is of the wrong kind",
          [
            "a path that is neither a block device nor a regular file",
            "a start time that is no CIM datetime",
            "a value of the configuration that is of another type",
          ], ["name the device or the raw image itself", "vmresync config check"])
      case .systemNotAvailable:
        says(
          "a system or device is not there",
          [
            "no system of that name is described here", "a device went away, or is another than planned",
            "a drive without a medium (ENODEV, ENXIO, ENOMEDIUM, ENOLINK)",
          ], ["vmresync devices", "attach it again, and run again"])
      case .outOfMemory:
        says(
          "there is no memory for rings or buffers", ["ENOMEM at set-up"],
          ["give it more, or less to do: --parallel 1, --queue-depth, --chunk-size"])
      case .fileNotFound:
        says(
          "a device node, an image or a configuration file is not there", ["a path that is mistyped"],
          ["vmresync devices", "--config FILE"])
      }
  }
}
