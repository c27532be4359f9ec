#define _GNU_SOURCE
#include "contents.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { page = 4096 };

const char *const kind_names[kind_count] = {"read", "write", "sync", "discard"};

/// What happened once.
struct entry {
  enum kind kind;
  bool is_cut;  // a power cut; nothing else of it counts
  bool is_lie;  // a sync that was acknowledged and did nothing
  int error;    // positive
  uint64_t offset, asked, moved;
  char *before; // what it replaced, while a cut would bring that back
  char *after;  // what it brought, where the log keeps it
};

static char *bytes;
static uint64_t size;

static struct entry *entries;
static size_t count, capacity;
static size_t durable; // entries before this one are on the medium
static bool keeps, lies;

int contents_make(uint64_t wanted) {
  bytes = mmap(NULL, wanted, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (bytes == MAP_FAILED) return -errno;
  size = wanted;
  return 0;
}

uint64_t contents_size(void) { return size; }

const char *contents_at(uint64_t offset) { return bytes + offset; }

/// Memory that cannot be had ends the server, and with it all I/O: the test sees errors, never wrong bytes.
static void *must(void *memory) {
  if (memory == NULL) abort();
  return memory;
}

/// Copies, and leaves alone what is equal: zeros over zeros take no memory. `from` NULL stands for zeros.
static void copy(char *to, const char *from, uint64_t length) {
  static const char zeros[page];
  for (uint64_t done = 0; done < length; done += page) {
    size_t part = length - done < page ? length - done : page;
    const char *source = from != NULL ? from + done : zeros;
    if (memcmp(to + done, source, part) != 0) memcpy(to + done, source, part);
  }
}

static char *copied(const char *from, uint64_t length) {
  char *memory = must(calloc(1, length));
  copy(memory, from, length);
  return memory;
}

static struct entry *append(struct entry entry) {
  if (count == capacity) {
    capacity = capacity == 0 ? 256 : 2 * capacity;
    entries = must(realloc(entries, capacity * sizeof *entries));
  }
  entries[count] = entry;
  return &entries[count++];
}

void contents_put(enum kind kind, uint64_t offset, uint64_t asked, uint64_t moved, const char *from,
                  int error) {
  struct entry *entry = append(
      (struct entry){.kind = kind, .error = error, .offset = offset, .asked = asked, .moved = moved});
  if (moved == 0) return;
  entry->before = copied(bytes + offset, moved);
  copy(bytes + offset, from, moved);
  if (keeps) entry->after = copied(bytes + offset, moved);
}

static void make_durable(void) {
  for (; durable < count; durable++) {
    free(entries[durable].before);
    entries[durable].before = NULL;
  }
}

void contents_sync(int error) {
  append((struct entry){.kind = kind_sync, .error = error, .is_lie = lies && error == 0});
  if (error == 0 && !lies) make_durable();
}

void contents_lie(bool on) { lies = on; }

/// Exchanges what an entry replaced with what is there.
static void exchange(struct entry *entry) {
  if (entry->before == NULL) return;
  char *current = copied(bytes + entry->offset, entry->moved);
  copy(bytes + entry->offset, entry->before, entry->moved);
  free(entry->before);
  entry->before = current;
}

/// The next of a row of numbers that `*state` decides (splitmix64).
static uint64_t next_number(uint64_t *state) {
  uint64_t number = *state += 0x9e3779b97f4a7c15;
  number = (number ^ number >> 30) * 0xbf58476d1ce4e5b9;
  number = (number ^ number >> 27) * 0x94d049bb133111eb;
  return number ^ number >> 31;
}

void contents_cut(const uint64_t *seed, uint64_t unit) {
  // Backwards: each entry then holds what it brought, whatever landed on it later.
  for (size_t number = count; number > durable; number--) exchange(&entries[number - 1]);
  uint64_t state = seed != NULL ? *seed : 0;
  for (size_t number = durable; seed != NULL && number < count; number++) {
    struct entry *entry = &entries[number];
    if (entry->before == NULL) continue;
    for (uint64_t place = 0; place < entry->moved; place += unit) {
      uint64_t part = entry->moved - place < unit ? entry->moved - place : unit;
      if (next_number(&state) & 1) copy(bytes + entry->offset + place, entry->before + place, part);
    }
  }
  append((struct entry){.is_cut = true});
  make_durable();
}

void contents_settle(void) {
  make_durable();
  for (size_t number = 0; number < count; number++) free(entries[number].after);
  count = durable = 0;
}

void contents_keep(bool on) { keeps = on; }

size_t log_count(void) { return count; }

void log_print(FILE *answer, size_t from) {
  for (size_t number = from; number < count; number++) {
    const struct entry *entry = &entries[number];
    const char *result = entry->error != 0 ? strerrorname_np(entry->error) : entry->is_lie ? "lie" : "ok";
    fprintf(answer, "%zu %s %llu %llu %llu %s\n", number, entry->is_cut ? "cut" : kind_names[entry->kind],
            (unsigned long long)entry->offset, (unsigned long long)entry->asked,
            (unsigned long long)entry->moved, result);
  }
}

const char *log_bytes(size_t number, size_t *length) {
  if (number >= count || entries[number].after == NULL) return NULL;
  *length = entries[number].moved;
  return entries[number].after;
}

uint64_t volatile_bytes(void) {
  uint64_t sum = 0;
  for (size_t number = durable; number < count; number++) sum += entries[number].moved;
  return sum;
}
