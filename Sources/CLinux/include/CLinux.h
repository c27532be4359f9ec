// Linux interfaces that Swift's C importer cannot see: `_IO*` macros, flags behind _GNU_SOURCE, variadic
// functions. Each function returns 0 (or a number that its comment names) or a negative errno; none sets
// anything else. One file of the folder a subject.
#ifndef VMRESYNC_CLINUX_H
#define VMRESYNC_CLINUX_H

#include <dirent.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

// file.c: descriptors, files, locks.

/// open(2) flag for unbuffered I/O.
extern const int cl_open_direct;
/// open(2) flag for a descriptor that only names a file (O_PATH).
extern const int cl_open_path;
/// open(2) flag for a file without a name (O_TMPFILE).
extern const int cl_open_unnamed;

/// openat2(2), close-on-exec. `resolve` takes cl_resolve_no_links or 0. Returns a descriptor or a negative errno.
int cl_openat2(int directory, const char *path, int flags, uint64_t resolve);
/// Makes the regular file `name` below `directory` and opens it for reading and writing, 0600, close-on-exec;
/// EEXIST where the name is taken, by a link too (openat(2), O_CREAT | O_EXCL). Returns a descriptor or a negative
/// errno.
int cl_create_file(int directory, const char *name);
/// Sets O_DIRECT (fcntl(2), F_SETFL). EINVAL where the file system has none.
int cl_make_direct(int descriptor);
/// Follow no symbolic link, in no component: RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS, <linux/openat2.h>.
extern const uint64_t cl_resolve_no_links;
/// close(2). The descriptor is gone either way.
int cl_close(int descriptor);
/// Clears O_NONBLOCK (fcntl(2), F_SETFL): io_uring would otherwise hand EAGAIN out instead of waiting.
int cl_make_blocking(int descriptor);
/// A second number for the same open file, close-on-exec (fcntl(2), F_DUPFD_CLOEXEC). Returns a descriptor or a negative errno.
int cl_duplicate(int descriptor);

/// What statx(2) says of a file; times in nanoseconds since the epoch.
struct cl_file_status {
  uint32_t mode;
  uint32_t user;
  uint64_t inode;
  uint64_t links;
  uint64_t size;   // bytes
  uint64_t blocks; // of 512 bytes, allocated
  uint32_t device_major, device_minor;   // of the file system
  uint32_t special_major, special_minor; // of the node, for device files
  int64_t modified, changed, born;       // born: 0 where the file system keeps none
  bool immutable;                        // STATX_ATTR_IMMUTABLE
  uint32_t direct_memory_align, direct_offset_align; // STATX_DIOALIGN, bytes; 0 where not told
};
/// statx(2) of an open descriptor.
int cl_status_of(int descriptor, struct cl_file_status *status);
/// statx(2) of `path` below `directory`; a link at the end is followed only where `follow` says so. Never
/// asks a server for newer attributes (AT_STATX_DONT_SYNC), so that a dead one cannot hang it.
int cl_status_at(int directory, const char *path, bool follow, struct cl_file_status *status);

/// fstatfs(2): the file system's magic (<linux/magic.h>), free and total bytes, files that can still be made
/// (UINT64_MAX where there is no such limit).
int cl_file_system(int descriptor, uint64_t *magic, uint64_t *available, uint64_t *total, uint64_t *free_files,
                   bool *read_only);
/// fdopendir(3): a stream that owns the descriptor from now on; where it fails the descriptor is still the caller's.
int cl_open_directory_stream(int descriptor, DIR **stream);
/// readlinkat(2). Returns the length, or a negative errno (ENAMETOOLONG where `capacity` does not do).
int64_t cl_read_link(int directory, const char *path, char *buffer, size_t capacity);
/// read(2), again after EINTR. Returns the bytes read, or a negative errno.
int64_t cl_read(int descriptor, void *buffer, size_t count);
/// write(2), again after EINTR. Returns the bytes written, or a negative errno.
int64_t cl_write(int descriptor, const void *buffer, size_t count);
/// pread(2), again after EINTR. Returns the bytes read, or a negative errno.
int64_t cl_read_at(int descriptor, void *buffer, size_t count, uint64_t offset);
/// pwrite(2), again after EINTR. Returns the bytes written, or a negative errno.
int64_t cl_write_at(int descriptor, const void *buffer, size_t count, uint64_t offset);
/// preadv2(2) of one piece without flags, again after EINTR: one transfer of the thread engine, whose system call nothing
/// else uses. Returns the bytes read, or a negative errno; at most 2 GiB.
int cl_transfer_in(int descriptor, void *buffer, size_t count, uint64_t offset);
/// pwritev2(2) of one piece, in the same way.
int cl_transfer_out(int descriptor, const void *buffer, size_t count, uint64_t offset);
/// fallocate(2), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, again after EINTR. A block device zeroes the range without data
/// (and may unmap it) or says EOPNOTSUPP; it never falls back to writing (block/fops.c, blkdev_fallocate).
int cl_punch_hole(int descriptor, uint64_t offset, uint64_t count);
/// The mode of such a call.
extern const int cl_punch_mode;
/// Lets the file `to` have the content of `from`, by sharing its blocks: both see their own later writes only. On XFS
/// with reflinks and on btrfs; waits for dirty pages of both. Returns 0 or a negative errno. Source: ioctl_ficlone(2).
int cl_clone_file(int to, int from);
/// fdatasync(2), again after EINTR.
int cl_data_sync(int descriptor);
/// Cuts or extends a file: ftruncate(2), again after EINTR.
int cl_resize(int descriptor, uint64_t size);
/// Drops the file's cached pages from `offset` on, except dirty ones: posix_fadvise(2), POSIX_FADV_DONTNEED. The
/// kernel keeps pages and folios that lie in the range in part only.
int cl_drop_cached_pages(int descriptor, uint64_t offset);
/// fsync(2), again after EINTR; of a directory: its names.
int cl_sync(int descriptor);
/// lseek(2) with SEEK_DATA. Returns the offset, or a negative errno (ENXIO: no data from `offset` on).
int64_t cl_seek_data(int descriptor, uint64_t offset);
/// lseek(2) with SEEK_HOLE. Returns the offset, or a negative errno.
int64_t cl_seek_hole(int descriptor, uint64_t offset);

/// flock(2) LOCK_EX | LOCK_NB.
int cl_lock_exclusively(int descriptor);
/// Takes an open file description lock on `count` bytes without waiting: fcntl(2), F_OFD_SETLK.
/// `writing` asks for F_WRLCK, else F_RDLCK.
int cl_lock_bytes(int descriptor, uint64_t first, uint64_t count, bool writing);
/// Drops such locks.
int cl_unlock_bytes(int descriptor, uint64_t first, uint64_t count);
/// 1 where another open file description holds a lock on one of the bytes, 0 where none does, or a negative
/// errno: fcntl(2), F_OFD_GETLK with F_WRLCK.
int cl_bytes_are_locked(int descriptor, uint64_t first, uint64_t count);

// directory.c: names below a directory.

/// Makes the directory `name` below `directory`, 0700 (mkdirat(2)).
int cl_make_directory(int directory, const char *name);
/// Gives `from` the name `to`, in place of what has it, in one step (renameat(2)).
int cl_rename(int directory, const char *from, const char *to);
/// Removes the name of a file (unlinkat(2)).
int cl_remove(int directory, const char *name);
/// Removes the name of an empty directory (unlinkat(2), AT_REMOVEDIR).
int cl_remove_directory(int directory, const char *name);

// identity.c: what tells one file system from another, for good.

/// The file system's UUID. FS_IOC_GETFSUUID, since 6.9; before, ext4's, XFS's and btrfs's own requests. A
/// negative errno where it keeps none (ENOTTY, ENODATA).
int cl_file_system_uuid(int descriptor, uint8_t uuid[16]);
/// statfs(2)'s f_fsid; of some file systems made from the device's number, of some 0.
int cl_file_system_id(int descriptor, uint64_t *id);
/// The btrfs subvolume that the file lies in: inode numbers count within one. Source: BTRFS_IOC_INO_LOOKUP,
/// <linux/btrfs.h>; a lookup of the first number answers without rights.
int cl_btrfs_subvolume(int descriptor, uint64_t *subvolume);

// block.c: block devices.

/// Size of the device, in bytes. Source: BLKGETSIZE64, <linux/fs.h>.
int cl_device_size(int descriptor, uint64_t *bytes);
/// Logical block size, in bytes. Source: BLKSSZGET, <linux/fs.h>.
int cl_logical_block_size(int descriptor, uint32_t *bytes);
/// 1 in *is_read_only when the kernel holds the device read-only. Source: BLKROGET, <linux/fs.h>.
int cl_device_is_read_only(int descriptor, int *is_read_only);
/// The number of the attachment that the descriptor leads to. Source: BLKGETDISKSEQ, <linux/fs.h>, since 5.15.
int cl_disk_sequence(int descriptor, uint64_t *sequence);
/// Writes back and drops the node's cached pages. Source: BLKFLSBUF, <linux/fs.h>; needs CAP_SYS_ADMIN only.
int cl_drop_caches(int descriptor);

// loop.c: loop devices (drivers/block/loop.c, <linux/loop.h>).

/// What LOOP_GET_STATUS64 says.
struct cl_loop_status {
  uint32_t backing_major, backing_minor; // of the backing file's file system
  uint64_t backing_inode;
  uint32_t special_major, special_minor; // the backing file's own number, where it is a block device; else 0
  uint64_t offset, size_limit; // bytes; size_limit 0: to the end
  bool read_only, autoclear, partition_scan, direct_io;
};
/// LOOP_GET_STATUS64. ENXIO where nothing is attached.
int cl_loop_status(int descriptor, struct cl_loop_status *status);
/// LOOP_CTL_GET_FREE. Returns a loop number or a negative errno.
int cl_loop_find_free(int control);
/// LOOP_CONFIGURE of an unattached loop: autoclear and direct I/O, no partition scan. `block_size` 0 takes
/// the kernel's choice. EBUSY where another process was faster.
int cl_loop_configure(int descriptor, int backing, uint32_t block_size, bool read_only);

// process.c: processes, threads, errnos.

/// The errno's name, such as "EBUSY", or NULL. Source: strerrorname_np(3).
const char *cl_errno_name(int number);
/// The calling thread's id (gettid(2)).
int cl_thread_id(void);
/// Makes *set SIGINT, SIGTERM and SIGHUP.
void cl_stop_signals(sigset_t *set);
/// Blocks SIGINT, SIGTERM and SIGHUP in the calling thread and those it will start.
int cl_block_stop_signals(void);
/// Waits for one of them (sigwait(3)). Returns the signal's number or a negative errno.
int cl_wait_for_stop_signal(void);
/// Opens /dev/null under each of 0, 1 and 2 that is closed, so that no later open(2) gets such a number.
int cl_hold_standard_descriptors(void);
/// prctl(2), PR_SET_DUMPABLE 0: no core file with guests' bytes.
int cl_forbid_core_dumps(void);

/// Sets up a ring of one entry and closes it again: 0, or why the kernel gives none (io_uring_setup(2)).
int cl_try_ring(void);

/// eventfd(2), close-on-exec. Returns a descriptor or a negative errno.
int cl_event(void);
/// Makes the event ready for good.
int cl_event_raise(int event);
/// Waits for it. Returns 1 when it is ready, 0 after `milliseconds`, or a negative errno.
int cl_event_wait(int event, int milliseconds);

// worker.c: a process of our own, and the pipes to it.

enum {
  /// The worker's end of the pipe that it takes orders from.
  cl_worker_control = 3,
  /// The worker's end of the pipe that it reports on.
  cl_worker_events = 4,
};

/// pipe2(2), close-on-exec; ends[0] is read from. Both numbers are 10 or more, so that cl_spawn_worker() can place
/// them without one in the way of the other.
int cl_pipe(int ends[2]);
/// Asks for a pipe that holds so many bytes (F_SETPIPE_SZ). Returns how many it holds, or a negative errno.
int cl_enlarge_pipe(int descriptor, int bytes);
/// Whether the descriptor is one of a pipe.
int cl_is_pipe(int descriptor);
/// Sets close-on-exec (FD_CLOEXEC).
int cl_close_on_exec(int descriptor);
/// Bytes that wait to be read from a pipe (FIONREAD), or a negative errno.
int cl_bytes_waiting(int descriptor);
/// poll(2); a signal ends it as if nothing were ready. Returns how many are ready, or a negative errno.
int cl_poll(struct pollfd *entries, unsigned count, int milliseconds);
/// Starts `executable` with `name` as its only argument: posix_spawn(3), a process group of its own (a terminal's
/// signals are not for it), no signal blocked or ignored, standard input and output /dev/null, standard error ours,
/// `control` and `events` under the numbers above, and no other descriptor.
int cl_spawn_worker(const char *executable, const char *name, int control, int events, pid_t *worker);
/// Starts `executable` with `arguments`, which NULL ends, apart from whoever starts it: posix_spawn(3), a session of
/// its own, no signal blocked or ignored, in /, its standard descriptors /dev/null, and no other one.
int cl_spawn_detached(const char *executable, char *const arguments[], pid_t *process);
/// pidfd_open(2), close-on-exec: ready to read when the process has ended. Returns a descriptor or a negative errno.
int cl_open_process(pid_t process);
/// Sends a signal through a process's descriptor: never to another that got its number (pidfd_send_signal(2)).
int cl_signal_process(int process, int number);
/// The same with SIGTERM and a number that goes with it, as sigqueue(3) sends one.
int cl_request_end(int process, int value);
/// waitpid(2) without waiting. Returns 1 where the child has ended and *status says how, 0 where it has not.
int cl_reap(pid_t process, int *status);
/// The signal that ended a child, or 0.
int cl_ending_signal(int status);
/// A child's exit status, or a negative errno where it did not exit.
int cl_exit_status(int status);
/// A descriptor from which stop signals are taken (signalfd(2)), which must be blocked. Or a negative errno.
int cl_stop_signal_descriptor(void);
/// Takes one: its number, 0 where there is none, or a negative errno. *value is what came with it (sigqueue(3)), else 0.
int cl_take_stop_signal(int descriptor, int *value);
/// Ignores SIGPIPE, SIGTTOU and SIGTTIN: neither a reader that went away nor a terminal stops the process.
void cl_ignore_terminal(void);
/// The signal's name without its SIG, such as "KILL", or NULL. Source: sigabbrev_np(3).
const char *cl_signal_name(int number);
/// How far local time is ahead of UTC at a moment, in seconds (localtime_r(3)); 0 where it cannot be told.
int64_t cl_local_offset(int64_t seconds);
/// What ps(1) calls the process, at most 15 bytes (prctl(2), PR_SET_NAME).
int cl_name_process(const char *name);

// memory.c: buffers.

/// Maps `size` bytes (a multiple of 2 MiB) aligned to 2 MiB, populated, on huge pages where they can be had.
/// *huge tells how many bytes lie on huge pages. NULL where there is no memory.
void *cl_map_buffer(size_t size, size_t *huge);
/// Unmaps it.
void cl_unmap_buffer(void *start, size_t size);
/// 1 where all `count` bytes are zero.
int cl_is_zero(const void *start, size_t count);

#endif
