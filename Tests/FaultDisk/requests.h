// Requests on their way: judged when they come, carried out at once, later, or when they are released.
#ifndef FAULT_DISK_REQUESTS_H
#define FAULT_DISK_REQUESTS_H

#include "contents.h"

struct fuse_req;

/// Takes a request, and answers it in time. `from` is what a write brings; copied where it has to wait.
void request_take(struct fuse_req *caller, enum kind kind, uint64_t offset, uint64_t length, const char *from);
/// Carries out what is due. Returns the milliseconds until something else is; -1 where nothing is.
int requests_carry_out_due(void);
/// Carries out all that wait, now.
void requests_release(void);
/// Answers all that wait with EIO; nothing of them lands.
void requests_drop(void);

struct request_statistics {
  uint64_t requests, bytes, failed; // of each kind, carried out
};
extern struct request_statistics statistics[kind_count];
/// How many wait.
size_t requests_waiting(void);
void statistics_clear(void);

#endif
