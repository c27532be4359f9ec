#include "rules.h"

static struct rule rules[2048];
static size_t count;

bool rules_add(struct rule rule) {
  if (count == sizeof rules / sizeof *rules) return false;
  rules[count++] = rule;
  return true;
}

void rules_clear(void) { count = 0; }

void rules_end_stalls(void) {
  for (size_t i = 0; i < count; i++)
    if (rules[i].action == action_stall) rules[i].times = 0;
}

static bool holds_up(enum action action) { return action == action_delay || action == action_stall; }

/// Whether it happens now: a request that the rule waits for is counted either way.
static bool hits(struct rule *rule, enum kind kind, uint64_t offset, uint64_t length) {
  if (rule->kind != kind || rule->times == 0) return false;
  if (kind != kind_sync && (offset >= rule->end || offset + length <= rule->offset)) return false;
  if (rule->skip > 0) {
    rule->skip--;
    return false;
  }
  rule->times--;
  return true;
}

struct fate rules_judge(enum kind kind, uint64_t offset, uint64_t length) {
  struct fate fate = {.moved = length};
  bool is_held_up = false, is_harmed = false;
  for (size_t i = 0; i < count; i++) {
    struct rule *rule = &rules[i];
    bool *is_done = holds_up(rule->action) ? &is_held_up : &is_harmed;
    if (*is_done || !hits(rule, kind, offset, length)) continue;
    *is_done = true;
    switch (rule->action) {
    case action_fail:
      fate.error = rule->error;
      fate.moved = 0;
      break;
    case action_tear:
      fate.error = rule->error;
      fate.moved = rule->offset > offset ? rule->offset - offset : 0;
      break;
    case action_shorten:
      if (rule->number < length) fate.moved = rule->number;
      break;
    case action_delay:
      fate.delay = rule->number;
      break;
    case action_stall:
      fate.stalls = true;
      break;
    }
  }
  return fate;
}
