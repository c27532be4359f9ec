#define _GNU_SOURCE
#include "CLinux.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define HUGE_PAGE ((size_t)2 << 20)

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25 // since 6.1; <asm-generic/mman-common.h>
#endif

/// Bytes of the mapping that starts at `start` which lie on huge pages: AnonHugePages in smaps.
static size_t huge_bytes(const void *start) {
  FILE *maps = fopen("/proc/self/smaps", "re");
  if (maps == NULL) return 0;
  char line[512], prefix[32];
  snprintf(prefix, sizeof prefix, "%lx-", (unsigned long)start);
  size_t kibibytes = 0;
  int inside = 0;
  while (fgets(line, sizeof line, maps) != NULL) {
    if (strncmp(line, prefix, strlen(prefix)) == 0) inside = 1;
    else if (inside && sscanf(line, "AnonHugePages: %zu kB", &kibibytes) == 1) break;
  }
  fclose(maps);
  return kibibytes << 10;
}

void *cl_map_buffer(size_t size, size_t *huge) {
  size_t room = size + HUGE_PAGE;
  char *mapping = mmap(NULL, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapping == MAP_FAILED) return NULL;
  size_t lead = (HUGE_PAGE - (uintptr_t)mapping % HUGE_PAGE) % HUGE_PAGE;
  if (lead > 0) munmap(mapping, lead);
  char *start = mapping + lead;
  if (room - lead > size) munmap(start + size, room - lead - size);

  madvise(start, size, MADV_HUGEPAGE);
  madvise(start, size, MADV_DONTFORK);
  if (madvise(start, size, MADV_POPULATE_WRITE) != 0) {
    munmap(start, size);
    return NULL;
  }
  // Works where transparent huge pages are set to "never"; harmless where the pages are huge already.
  madvise(start, size, MADV_COLLAPSE);
  *huge = huge_bytes(start);
  return start;
}

void cl_unmap_buffer(void *start, size_t size) { munmap(start, size); }

int cl_is_zero(const void *start, size_t count) {
  const unsigned char *bytes = start;
  return count == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, count - 1) == 0);
}
