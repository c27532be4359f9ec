#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

int cl_make_directory(int directory, const char *name) {
  return mkdirat(directory, name, 0700) == 0 ? 0 : -errno;
}

int cl_rename(int directory, const char *from, const char *to) {
  return renameat(directory, from, directory, to) == 0 ? 0 : -errno;
}

int cl_remove(int directory, const char *name) { return unlinkat(directory, name, 0) == 0 ? 0 : -errno; }

int cl_remove_directory(int directory, const char *name) {
  return unlinkat(directory, name, AT_REMOVEDIR) == 0 ? 0 : -errno;
}
