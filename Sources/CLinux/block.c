#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <linux/fs.h>
#include <sys/ioctl.h>

int cl_device_size(int descriptor, uint64_t *bytes) {
  return ioctl(descriptor, BLKGETSIZE64, bytes) == 0 ? 0 : -errno;
}

int cl_logical_block_size(int descriptor, uint32_t *bytes) {
  int size = 0;
  if (ioctl(descriptor, BLKSSZGET, &size) != 0) return -errno;
  *bytes = (uint32_t)size;
  return 0;
}

int cl_device_is_read_only(int descriptor, int *is_read_only) {
  return ioctl(descriptor, BLKROGET, is_read_only) == 0 ? 0 : -errno;
}

int cl_disk_sequence(int descriptor, uint64_t *sequence) {
  return ioctl(descriptor, BLKGETDISKSEQ, sequence) == 0 ? 0 : -errno;
}

int cl_drop_caches(int descriptor) { return ioctl(descriptor, BLKFLSBUF, 0) == 0 ? 0 : -errno; }
