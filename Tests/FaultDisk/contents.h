// What the disk holds, what of it a power cut would take back, and the log of how it came about.
#ifndef FAULT_DISK_CONTENTS_H
#define FAULT_DISK_CONTENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum kind { kind_read, kind_write, kind_sync, kind_discard, kind_count };
extern const char *const kind_names[kind_count];

/// All zeros; memory is taken only for what is written. Returns 0 or a negative errno.
int contents_make(uint64_t size);
uint64_t contents_size(void);
/// The byte at `offset` and those after it.
const char *contents_at(uint64_t offset);

/// A write or discard of `asked` bytes of which the first `moved` land; `from` NULL for zeros. Logged.
void contents_put(enum kind kind, uint64_t offset, uint64_t asked, uint64_t moved, const char *from,
                  int error);
/// A sync: what landed before it stays, unless it fails or the disk lies. Logged.
void contents_sync(int error);
/// From now on syncs are acknowledged and do nothing, or are honest again.
void contents_lie(bool on);

/// A power cut: takes back what landed since the last good sync. With a seed each block of `unit` bytes may survive.
void contents_cut(const uint64_t *seed, uint64_t unit);
/// Makes everything durable, and empties the log.
void contents_settle(void);

/// From now on the log keeps what each write brought, or forgets it.
void contents_keep(bool on);
void log_print(FILE *answer, size_t from);
size_t log_count(void);
/// What entry `number` brought: its first `*length` bytes. NULL where the log has not kept it.
const char *log_bytes(size_t number, size_t *length);
/// Bytes that a cut would take back.
uint64_t volatile_bytes(void);

#endif
