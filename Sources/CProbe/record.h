// The answer's layout, as the child fills it in and the helper sends it; CProbe.h has the rules.
#ifndef VMRESYNC_CPROBE_RECORD_H
#define VMRESYNC_CPROBE_RECORD_H

#include "CProbe.h"

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the answer's integers are little-endian"
#endif

#define PROBE_TEXT(capacity)                                                                                 \
  struct __attribute__((packed)) {                                                                           \
    uint16_t length;                                                                                         \
    char bytes[capacity];                                                                                    \
  }

struct __attribute__((packed)) probe_head {
  uint32_t magic;
  uint32_t id;
  uint8_t outcome;   // enum probe_outcome
  uint8_t landlock;  // 1: the child was under Landlock
  int32_t detail;
  uint64_t size;     // of the range, bytes
  uint32_t logical_block, physical_block, minimum_io, optimal_io; // bytes; 0 for a regular file
  int32_t alignment_offset;                                       // bytes; -1: misaligned (BLKALIGNOFF)
  uint16_t signature_count;
  uint16_t partition_count;
  uint32_t partitions_left_out;
  uint8_t has_table;
  PROBE_TEXT(probe_type_capacity) table_type;
  PROBE_TEXT(probe_uuid_capacity) table_id;
  uint16_t start_length;
  uint8_t start[probe_start_capacity];
  uint16_t end_length;
  uint8_t end[probe_end_capacity];
};

struct __attribute__((packed)) probe_signature {
  PROBE_TEXT(probe_type_capacity) type;
  PROBE_TEXT(probe_usage_capacity) usage;
  PROBE_TEXT(probe_uuid_capacity) uuid;
  PROBE_TEXT(probe_label_capacity) label;
  PROBE_TEXT(probe_version_capacity) version;
  uint64_t offset; // of its magic in the range, bytes
};

struct __attribute__((packed)) probe_partition {
  uint32_t number;
  uint64_t start, size; // bytes, from the range's first
  uint64_t flags;       // GPT: the entry's attributes; DOS: 0x80 is active
  uint8_t is_extended;  // holds logical partitions and no bytes of its own
  PROBE_TEXT(probe_partition_type_capacity) type;
  PROBE_TEXT(probe_partition_name_capacity) name;
  PROBE_TEXT(probe_partition_uuid_capacity) uuid;
};

/// What child and helper share, by an anonymous mapping: the child needs no system call to report.
/// The helper reads it only after the child is gone or was sent SIGKILL.
struct probe_answer {
  _Atomic int64_t answered; // when the first read came back, by probe_now(); 0: not yet
  struct probe_head head;
  struct probe_signature signatures[probe_max_signatures];
  struct probe_partition partitions[probe_max_partitions];
};

_Static_assert(sizeof(struct probe_head) == probe_head_size, "CProbe.h has the head's size");
_Static_assert(sizeof(struct probe_signature) == probe_signature_size, "CProbe.h has a signature's size");
_Static_assert(sizeof(struct probe_partition) == probe_partition_size, "CProbe.h has a partition's size");

/// helper.c: milliseconds on the monotonic clock.
int64_t probe_now(void);
/// child.c: probes the device at `descriptor`, fills `answer` in and exits. No other descriptor is open.
/// It ends with `helper`, the process that forked it.
_Noreturn void probe_child(pid_t helper, const struct probe_request *request, int descriptor,
                           struct probe_answer *answer, const struct probe_variation *variation);
/// content.c: what libblkid finds; reads only. Returns 0 or a negative errno.
int probe_content(void *blkid, struct probe_answer *answer);
/// sandbox.c: has the calling process killed when `helper`, its parent, ends. Returns 0 or a negative errno.
int probe_end_with(pid_t helper);
/// sandbox.c: takes every right that the child does not need. Returns 0 or a negative errno; *landlock: 0 where
/// the kernel has none.
int probe_sandbox(pid_t helper, uint32_t cpu_seconds, uint8_t *landlock);

#endif
