import CUring
import SystemPackage

/// One io_uring, made, used and torn down on one thread.
///
/// It reads, writes, punches and flushes two files that are registered before it starts, and can do nothing else:
/// seccomp does not filter a ring's operations, so the ring itself is restricted (PITFALLS E9).
@safe struct Ring: ~Copyable {
  /// liburing keeps pointers into it, so that it must not move; internal for the test of the restrictions.
  let ring: UnsafeMutablePointer<io_uring>
  /// Whether the slab is registered, so that its pages are not looked up for each request.
  let isSlabRegistered: Bool

  /// Makes a ring of at least `entries` places over two files and a slab.
  ///
  /// - Throws: `EPERM` or `ENOSYS` where rings are forbidden or missing, `ENOMEM` where there is no room.
  init(
    entries: Int, files: InlineArray<2, CInt>, slab: borrowing BufferSlab
  ) throws(Errno) {
    let ring = UnsafeMutablePointer<io_uring>.allocate(capacity: 1)
    unsafe ring.initialize(to: io_uring())
    // Completions only where we ask for them, and one submitter; disabled until it is restricted. Since 6.1.
    let flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_R_DISABLED
    do throws(Errno) {
      try check(unsafe io_uring_queue_init(UInt32(entries), ring, UInt32(flags)))
    } catch {
      unsafe ring.deallocate()
      throw error
    }
    let isRegistered: Bool
    do throws(Errno) {
      isRegistered = try unsafe Self.register(slab, in: ring)
      try unsafe Self.register(files, in: ring)
      try unsafe Self.restrict(ring)
      try check(unsafe io_uring_enable_rings(ring))
    } catch {
      unsafe io_uring_queue_exit(ring)
      unsafe ring.deallocate()
      throw error
    }
    unsafe self.ring = ring
    isSlabRegistered = isRegistered
  }

  deinit {
    // The kernel tears a ring down after its exit, in its own time; what is unregistered here is let go of at
    // once, so that a loop can detach and memory stops counting. A refusal only delays that.
    _ = unsafe io_uring_unregister_files(ring)
    if isSlabRegistered { _ = unsafe io_uring_unregister_buffers(ring) }
    unsafe io_uring_queue_exit(ring)
    unsafe ring.deallocate()
  }

  /// Registers the slab as one buffer; false where the limit on locked memory forbids it (PITFALLS E7).
  private static func register(
    _ slab: borrowing BufferSlab, in ring: UnsafeMutablePointer<io_uring>
  ) throws(Errno) -> Bool {
    var buffer = unsafe iovec(
      iov_base: slab.address(of: 0, count: slab.byteCount), iov_len: slab.byteCount)
    let result = unsafe io_uring_register_buffers(ring, &buffer, 1)
    if result == -Errno.noMemory.rawValue { return false }
    try check(result)
    return true
  }

  private static func register(
    _ files: InlineArray<2, CInt>, in ring: UnsafeMutablePointer<io_uring>
  ) throws(Errno) {
    let result = unsafe files.span.withUnsafeBufferPointer { numbers in
      unsafe io_uring_register_files(ring, numbers.baseAddress, UInt32(numbers.count))
    }
    try check(result)
  }

  private static func restrict(_ ring: UnsafeMutablePointer<io_uring>) throws(Errno) {
    func restriction(_ kind: Int, _ value: UInt8) -> io_uring_restriction {
      var restriction = io_uring_restriction()
      restriction.opcode = UInt16(kind)
      // The value's place is the same for operations, registrations and flags: a union.
      restriction.sqe_op = value
      return restriction
    }
    let operations: [io_uring_op] = [
      IORING_OP_READ, IORING_OP_WRITE, IORING_OP_READ_FIXED, IORING_OP_WRITE_FIXED, IORING_OP_FSYNC,
      IORING_OP_FALLOCATE,
    ]
    var restrictions = operations.map { restriction(IORING_RESTRICTION_SQE_OP, UInt8($0.rawValue)) }
    for registration in [IORING_UNREGISTER_FILES, IORING_UNREGISTER_BUFFERS] {
      restrictions.append(restriction(IORING_RESTRICTION_REGISTER_OP, UInt8(registration)))
    }
    restrictions.append(restriction(IORING_RESTRICTION_SQE_FLAGS_REQUIRED, fixedFile))
    let result = unsafe restrictions.withUnsafeMutableBufferPointer { list in
      unsafe io_uring_register_restrictions(ring, list.baseAddress, UInt32(list.count))
    }
    try check(result)
  }

  /// The request's file is an index into the registered ones (`IOSQE_FIXED_FILE`, a macro Swift cannot see).
  private static let fixedFile = UInt8(1 << IOSQE_FIXED_FILE_BIT)

  // MARK: Requests

  /// A free entry, after handing over what is queued if there was none; nil when that did not help.
  private func entry() throws(Errno) -> UnsafeMutablePointer<io_uring_sqe>? {
    if let entry = unsafe io_uring_get_sqe(ring) { return unsafe entry }
    try submit()
    return unsafe io_uring_get_sqe(ring)
  }

  /// Hands over what is queued; what the kernel does not take just now stays queued.
  func submit() throws(Errno) {
    let result = unsafe io_uring_submit(ring)
    if result < 0, !Self.isTransient(result) { throw Errno(rawValue: -result) }
  }

  /// EBUSY and EAGAIN want completions to be taken first.
  private static func isTransient(_ result: Int32) -> Bool {
    let errno = Errno(rawValue: -result)
    return errno == .interrupted || errno == .resourceTemporarilyUnavailable || errno == .resourceBusy
  }

  /// Queues `request`, whose bytes lie at `place` of `slab`; the primary's file is the first, the recovery's
  /// the second.
  ///
  /// - Throws: `EAGAIN` when the submission queue is full.
  func start(
    _ request: BlockRequest, at place: Int, of slab: borrowing BufferSlab, tag: UInt64
  ) throws(Errno) {
    guard let entry = try unsafe entry() else { throw .resourceTemporarilyUnavailable }
    let file: Int32 = request.side == .primary ? 0 : 1
    let offset = request.range.offset
    let count = UInt32(request.range.length)
    let address = unsafe slab.address(of: place, count: Int(count))
    switch (request.kind, isSlabRegistered) {
    case (.read, true): unsafe io_uring_prep_read_fixed(entry, file, address, count, offset, 0)
    case (.read, false): unsafe io_uring_prep_read(entry, file, address, count, offset)
    case (.write, true): unsafe io_uring_prep_write_fixed(entry, file, address, count, offset, 0)
    case (.write, false): unsafe io_uring_prep_write(entry, file, address, count, offset)
    // IORING_FSYNC_DATASYNC is 1 << 0; <linux/io_uring.h>.
    case (.punch, _):
      unsafe io_uring_prep_fallocate(entry, file, punchMode, Int(offset), Int(request.range.length))
    case (.flush, _): unsafe io_uring_prep_fsync(entry, file, 1)
    }
    unsafe finish(entry, tag)
  }

  private func finish(_ entry: UnsafeMutablePointer<io_uring_sqe>, _ tag: UInt64) {
    unsafe entry.pointee.user_data = tag
    unsafe entry.pointee.flags |= Self.fixedFile
  }

  // MARK: Completions

  /// The oldest completion that is there; nil when none is.
  @inline(__always)
  func nextCompletion() -> Completion? {
    guard unsafe io_uring_cq_ready(ring) > 0 else { return nil }
    let place = unsafe ring.pointee.cq.khead.pointee & ring.pointee.cq.ring_mask
    let entry = unsafe ring.pointee.cq.cqes + Int(place)
    let completion = unsafe Completion(tag: entry.pointee.user_data, result: entry.pointee.res)
    unsafe io_uring_cq_advance(ring, 1)
    return completion
  }

  /// Hands over what is queued and waits until a completion is there.
  ///
  /// The caller sees to it that something is in flight. Waiting for more than one hangs when fewer are
  /// outstanding (ENGINE, trap 3).
  func submitAndWait() throws(Errno) {
    while unsafe io_uring_cq_ready(ring) == 0 {
      let result = unsafe io_uring_submit_and_wait(ring, 1)
      if result < 0, !Self.isTransient(result) { throw Errno(rawValue: -result) }
    }
  }
}
