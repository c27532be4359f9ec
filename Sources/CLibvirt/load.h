#ifndef LOAD_H
#define LOAD_H

#include <stddef.h>

struct function {
  const char *name;
  /// Where the pointer to it goes.
  void *pointer;
};

/// Fills every pointer from `library`; returns NULL, or the name of the first that it lacks.
const char *load_functions(void *library, const struct function *functions, size_t count);

#endif
