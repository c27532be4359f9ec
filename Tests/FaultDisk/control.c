#define _GNU_SOURCE
#include "control.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "contents.h"
#include "requests.h"
#include "rules.h"

enum { most_words = 12 };

static char *answer;
static size_t answer_length;

/// A line's words; those after the last are NULL.
struct words {
  char *at[most_words + 1];
  size_t count;
};

static bool parse_number(const char *word, uint64_t *number) {
  if (word == NULL || *word < '0' || *word > '9') return false;
  char *end;
  errno = 0;
  *number = strtoull(word, &end, 0);
  return *end == 0 && errno == 0;
}

static bool parse_switch(const char *word, bool *on) {
  if (word == NULL) return false;
  *on = strcmp(word, "on") == 0;
  return *on || strcmp(word, "off") == 0;
}

static bool parse_kind(const char *word, enum kind *kind) {
  for (size_t i = 0; word != NULL && i < kind_count; i++) {
    if (strcmp(word, kind_names[i]) != 0) continue;
    *kind = (enum kind)i;
    return true;
  }
  return false;
}

/// `OFFSET+LENGTH`, or `*` for the whole disk.
static bool parse_range(char *word, uint64_t *offset, uint64_t *end) {
  if (word == NULL) return false;
  *offset = 0;
  *end = UINT64_MAX;
  if (strcmp(word, "*") == 0) return true;
  char *plus = strchr(word, '+');
  if (plus == NULL) return false;
  *plus = 0;
  uint64_t length;
  return parse_number(word, offset) && parse_number(plus + 1, &length) &&
         !__builtin_add_overflow(*offset, length, end);
}

/// An errno's name, such as EIO.
static bool parse_error(const char *word, int *error) {
  for (int number = 1; word != NULL && number < 512; number++) {
    const char *name = strerrorname_np(number);
    if (name == NULL || strcmp(name, word) != 0) continue;
    *error = number;
    return true;
  }
  return false;
}

/// `[skip N] [times N]`, to the line's end.
static bool parse_when(const struct words *words, size_t first, struct rule *rule) {
  rule->times = UINT64_MAX;
  for (size_t i = first; i < words->count; i += 2) {
    uint64_t *number = strcmp(words->at[i], "skip") == 0    ? &rule->skip
                       : strcmp(words->at[i], "times") == 0 ? &rule->times
                                                            : NULL;
    if (number == NULL || !parse_number(words->at[i + 1], number)) return false;
  }
  return true;
}

/// `ACTION KIND RANGE [ARGUMENT] [skip N] [times N]`; a torn write is `tear OFFSET ERRNO …`.
static bool add_rule(struct words *words, enum action action) {
  struct rule rule = {.action = action};
  char **word = words->at;
  size_t next;
  if (action == action_tear) {
    rule.kind = kind_write;
    if (!parse_number(word[1], &rule.offset) || !parse_error(word[2], &rule.error)) return false;
    rule.end = rule.offset + 1;
    next = 3;
  } else {
    if (!parse_kind(word[1], &rule.kind) || !parse_range(word[2], &rule.offset, &rule.end)) return false;
    if (action == action_fail && !parse_error(word[3], &rule.error)) return false;
    bool has_number = action == action_delay || action == action_shorten;
    if (has_number && !parse_number(word[3], &rule.number)) return false;
    next = action == action_stall ? 3 : 4;
  }
  return parse_when(words, next, &rule) && rules_add(rule);
}

static void print_statistics(FILE *out) {
  for (size_t i = 0; i < kind_count; i++)
    fprintf(out, "%s %llu %llu %llu\n", kind_names[i], (unsigned long long)statistics[i].requests,
            (unsigned long long)statistics[i].bytes, (unsigned long long)statistics[i].failed);
  fprintf(out, "waiting %zu\nvolatile %llu\nlog %zu\n", requests_waiting(),
          (unsigned long long)volatile_bytes(), log_count());
}

static bool command_rule(struct words *words) {
  static const char *const names[] = {"fail", "tear", "short", "delay", "stall"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (strcmp(words->at[0], names[i]) == 0) return add_rule(words, (enum action)i);
  return false;
}

static bool command_cut(const struct words *words) {
  uint64_t seed, unit = 512;
  if (words->count > 1 && !parse_number(words->at[1], &seed)) return false;
  if (words->count > 2 && (!parse_number(words->at[2], &unit) || unit == 0)) return false;
  requests_drop();
  contents_cut(words->count > 1 ? &seed : NULL, unit);
  return true;
}

static bool command_log(const struct words *words, FILE *out) {
  uint64_t from = 0;
  if (words->count > 1 && !parse_number(words->at[1], &from)) return false;
  log_print(out, from);
  return true;
}

static bool command_data(const struct words *words, FILE *out) {
  uint64_t number;
  size_t length;
  if (!parse_number(words->at[1], &number)) return false;
  const char *bytes = log_bytes(number, &length);
  return bytes != NULL && fwrite(bytes, 1, length, out) == length;
}

static bool carry_out(struct words *words, FILE *out) {
  const char *command = words->at[0];
  bool on;
  if (strcmp(command, "clear") == 0) {
    rules_clear();
  } else if (strcmp(command, "release") == 0) {
    rules_end_stalls();
    requests_release();
  } else if (strcmp(command, "settle") == 0) {
    contents_settle();
    statistics_clear();
  } else if (strcmp(command, "stat") == 0) {
    print_statistics(out);
  } else if (strcmp(command, "cut") == 0) {
    return command_cut(words);
  } else if (strcmp(command, "log") == 0) {
    return command_log(words, out);
  } else if (strcmp(command, "data") == 0) {
    return command_data(words, out);
  } else if (strcmp(command, "lie") == 0) {
    if (!parse_switch(words->at[1], &on)) return false;
    contents_lie(on);
  } else if (strcmp(command, "keep") == 0) {
    if (!parse_switch(words->at[1], &on)) return false;
    contents_keep(on);
  } else {
    return command_rule(words);
  }
  return true;
}

static int carry_out_line(char *line) {
  struct words words = {.count = 0};
  char *rest = NULL;
  for (char *word = strtok_r(line, " \t", &rest); word != NULL; word = strtok_r(NULL, " \t", &rest)) {
    if (words.count == most_words) return -EINVAL;
    words.at[words.count++] = word;
  }
  if (words.count == 0) return 0;
  free(answer);
  answer = NULL;
  answer_length = 0;
  FILE *out = open_memstream(&answer, &answer_length);
  if (out == NULL) return -errno;
  bool is_done = carry_out(&words, out);
  if (fclose(out) != 0) return -EIO;
  return is_done ? 0 : -EINVAL;
}

int control_write(const char *text, size_t length) {
  char *copy = strndup(text, length), *rest = copy, *line;
  if (copy == NULL) return -ENOMEM;
  int result = 0;
  while (result == 0 && (line = strsep(&rest, "\n")) != NULL) result = carry_out_line(line);
  free(copy);
  return result;
}

const char *control_answer(size_t *length) {
  *length = answer_length;
  return answer;
}
