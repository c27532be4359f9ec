// The probing helper (PITFALLS F1): libblkid reads a guest's bytes only in a sandboxed child of one helper
// process, which is this executable, started again. A program that probes calls probe_helper_enter() first in
// main. The client's half is below it; both halves speak the records of this header.
#ifndef VMRESYNC_CPROBE_H
#define VMRESYNC_CPROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

// helper.c: the helper's half.

/// Returns at once in an ordinary process. In one that probe_helper_spawn() started it never returns: it serves
/// requests until the socket's other end closes. Call it before anything else, while there is one thread.
void probe_helper_enter(int argc, char **argv);
/// Whether this program calls probe_helper_enter(): whether /proc/self/exe can be the helper.
bool probe_helper_can_enter(void);

/// How a test's own helper differs. The product's helper has no hooks.
struct probe_variation {
  /// CPU time of a child, in seconds.
  uint32_t cpu_seconds;
  /// Called in the child before the first read, as if the device hung there.
  void (*before_first_read)(int descriptor);
  /// Called in the sandboxed child before libblkid, as if it were libblkid. Below 0: libblkid goes on; 0: all
  /// is well, nothing was found; above: it failed with that errno.
  int (*before_libblkid)(int descriptor);
};
/// probe_helper_enter() with a variation, for test executables.
void probe_helper_enter_varied(int argc, char **argv, const struct probe_variation *variation);

// client.c: the client's half.

/// Starts `executable` as a helper: posix_spawn(3), no environment, no descriptor but its socket, a session of
/// its own (a terminal's ^C is the client's to handle). The calling thread must outlive it: the helper ends with
/// it (PR_SET_PDEATHSIG). Returns the client's socket, close-on-exec, or a negative errno.
int probe_helper_spawn(const char *executable, pid_t *helper);
/// Closes the socket, which ends the helper and its children, and waits for it; after a second it is killed.
/// Returns the wait status (waitpid(2)) or a negative errno.
int probe_helper_end(int socket, pid_t helper);

/// What is asked; the descriptor travels beside it.
struct probe_request {
  uint32_t magic; // probe_magic
  uint32_t id;
  uint64_t offset, size;    // bytes; size 0: to the end
  uint32_t answer_deadline; // milliseconds until the first 4 KiB must have been read
  uint32_t probe_deadline;  // milliseconds from then on
};
/// Sends a request and `descriptor`: a block device's or a regular file's, O_PATH suffices, because the child
/// opens it again (libblkid moves the file position). Returns 0 or a negative errno; EPIPE: the helper is gone.
int probe_send(int socket, const struct probe_request *request, int descriptor);
/// Receives one answer. Returns its length, 0 where the helper is gone, or a negative errno; ETIMEDOUT after
/// `deadline` milliseconds.
int64_t probe_receive(int socket, void *answer, size_t capacity, uint32_t deadline);

// The answer. One datagram: a head, then `signature count` signatures, then `partition count` partitions.
// Everything is little-endian and unaligned; the fields follow each other as the structs of record.h have them.
// A text is a 16-bit length and as many bytes as its capacity, zero behind the length. The child that fills it
// in may be under a guest's control: the reader checks every field.

enum {
  probe_magic = 0x31504d56, // "VMP1"

  probe_max_signatures = 16,
  probe_max_partitions = 128,

  // Capacities of the texts, in bytes; what is longer is cut.
  probe_type_capacity = 32,
  probe_usage_capacity = 16,
  probe_uuid_capacity = 64,
  probe_label_capacity = 512, // UDF's is the longest
  probe_version_capacity = 32,
  probe_partition_type_capacity = 40,
  probe_partition_name_capacity = 128, // GPT: 36 UTF-16 units
  probe_partition_uuid_capacity = 40,

  probe_start_capacity = 4096, // first bytes of the range
  probe_end_capacity = 512,    // last bytes of the range

  // Sizes of the three structs; record.h asserts them.
  probe_head_size = 4 + 4 + 1 + 1 + 4 + 8 + 5 * 4 + 2 + 2 + 4 + 1 + (2 + 32) + (2 + 64) + 2 + 4096 + 2 + 512,
  probe_signature_size = (2 + 32) + (2 + 16) + (2 + 64) + (2 + 512) + (2 + 32) + 8,
  probe_partition_size = 4 + 8 + 8 + 8 + 1 + (2 + 40) + (2 + 128) + (2 + 40),
  probe_answer_capacity = probe_head_size + 16 * probe_signature_size + 128 * probe_partition_size,
};

/// How a request ended. `detail` is an errno, a signal's number or 0.
enum probe_outcome {
  probe_outcome_probed = 0,
  /// The first 4 KiB did not come within the deadline; nothing else was tried.
  probe_outcome_no_answer = 1,
  /// Opening it or reading the first 4 KiB failed: errno.
  probe_outcome_unreadable = 2,
  /// Neither a block device nor a regular file, or a range that it does not have: errno.
  probe_outcome_unfit = 3,
  /// The sandbox could not be made: errno.
  probe_outcome_no_sandbox = 4,
  /// libblkid gave up: errno.
  probe_outcome_failed = 5,
  /// A signal ended the child: which. SIGKILL: its CPU time was up.
  probe_outcome_killed = 6,
  /// The child took too long.
  probe_outcome_timed_out = 7,
};

#endif
