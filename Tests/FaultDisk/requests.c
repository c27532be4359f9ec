#define _GNU_SOURCE
#define FUSE_USE_VERSION 314
#include "requests.h"

#include <errno.h>
#include <fuse_lowlevel.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "rules.h"

struct request {
  struct request *next;
  fuse_req_t caller;
  enum kind kind;
  uint64_t offset, length;
  const char *from; // what a write brings
  struct fate fate;
  uint64_t due; // milliseconds of the clock
};

struct request_statistics statistics[kind_count];
static struct request *waiting; // in the order in which they came

static uint64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000 + (uint64_t)time.tv_nsec / 1000000;
}

static void carry_out(const struct request *request) {
  const struct fate *fate = &request->fate;
  statistics[request->kind].requests++;
  statistics[request->kind].bytes += fate->moved;
  statistics[request->kind].failed += fate->error != 0;
  switch (request->kind) {
  case kind_read:
    if (fate->error == 0) fuse_reply_buf(request->caller, contents_at(request->offset), fate->moved);
    break;
  case kind_write:
  case kind_discard:
    contents_put(request->kind, request->offset, request->length, fate->moved, request->from, fate->error);
    if (fate->error == 0 && request->kind == kind_write) fuse_reply_write(request->caller, fate->moved);
    if (fate->error == 0 && request->kind == kind_discard) fuse_reply_err(request->caller, 0);
    break;
  default:
    contents_sync(fate->error);
    if (fate->error == 0) fuse_reply_err(request->caller, 0);
  }
  if (fate->error != 0) fuse_reply_err(request->caller, fate->error);
}

static void wait_with(struct request request) {
  struct request *copy = malloc(sizeof *copy);
  char *from = request.from != NULL ? malloc(request.length) : NULL;
  if (copy == NULL || (request.from != NULL && from == NULL)) abort();
  if (from != NULL) memcpy(from, request.from, request.length);
  *copy = request;
  copy->from = from;
  copy->next = NULL;
  struct request **end = &waiting;
  while (*end != NULL) end = &(*end)->next;
  *end = copy;
}

void request_take(fuse_req_t caller, enum kind kind, uint64_t offset, uint64_t length, const char *from) {
  struct request request = {.caller = caller, .kind = kind, .offset = offset, .length = length, .from = from};
  request.fate = rules_judge(kind, offset, length);
  request.due = request.fate.stalls ? UINT64_MAX : now() + request.fate.delay;
  if (request.fate.stalls || request.fate.delay > 0)
    wait_with(request);
  else
    carry_out(&request);
}

/// Takes the oldest that is due at `time` out of the row; NULL where none is.
static struct request *take_due(uint64_t time) {
  for (struct request **link = &waiting; *link != NULL; link = &(*link)->next) {
    struct request *request = *link;
    if (request->due > time) continue;
    *link = request->next;
    return request;
  }
  return NULL;
}

static void end(struct request *request) {
  carry_out(request);
  free((char *)request->from);
  free(request);
}

int requests_carry_out_due(void) {
  struct request *due;
  while ((due = take_due(now())) != NULL) end(due);
  uint64_t next = UINT64_MAX;
  for (const struct request *request = waiting; request != NULL; request = request->next)
    if (request->due < next) next = request->due;
  if (next == UINT64_MAX) return -1;
  uint64_t time = now();
  return next <= time ? 0 : next - time > 60000 ? 60000 : (int)(next - time);
}

void requests_release(void) {
  struct request *request;
  while ((request = take_due(UINT64_MAX)) != NULL) end(request);
}

void requests_drop(void) {
  for (struct request *request = waiting; request != NULL; request = request->next)
    request->fate = (struct fate){.error = EIO};
  requests_release();
}

size_t requests_waiting(void) {
  size_t count = 0;
  for (const struct request *request = waiting; request != NULL; request = request->next) count++;
  return count;
}

void statistics_clear(void) { memset(statistics, 0, sizeof statistics); }
