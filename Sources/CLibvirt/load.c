#include "load.h"

#include <dlfcn.h>
#include <string.h>

const char *load_functions(void *library, const struct function *functions, size_t count) {
  for (size_t i = 0; i < count; i++) {
    void *found = dlsym(library, functions[i].name);
    if (found == NULL) return functions[i].name;
    memcpy(functions[i].pointer, &found, sizeof found);
  }
  return NULL;
}
