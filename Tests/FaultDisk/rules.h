// Faults: which requests they happen to, and what they do to them.
#ifndef FAULT_DISK_RULES_H
#define FAULT_DISK_RULES_H

#include "contents.h"

enum action { action_fail, action_tear, action_shorten, action_delay, action_stall };

struct rule {
  enum action action;
  enum kind kind;
  uint64_t offset, end; // bytes that a request must touch; a sync touches all
  uint64_t skip;        // so many such requests are left alone first
  uint64_t times;       // then so many are hit
  int error;            // positive: fail, tear
  uint64_t number;      // shorten: bytes that are moved; delay: milliseconds
};

/// What becomes of one request.
struct fate {
  int error;           // positive; 0 where it succeeds
  uint64_t moved;      // bytes that land or are read
  uint64_t delay;      // milliseconds before it is carried out
  bool stalls;         // it is carried out only when it is released
};

/// False where there are too many.
bool rules_add(struct rule rule);
void rules_clear(void);
/// Forgets those that hold requests up for good.
void rules_end_stalls(void);
/// What the rules say of a request. One rule may hold it up, one other may harm it: of each kind the oldest.
struct fate rules_judge(enum kind kind, uint64_t offset, uint64_t length);

#endif
