#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <linux/loop.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>

int cl_loop_status(int descriptor, struct cl_loop_status *status) {
  struct loop_info64 raw;
  if (ioctl(descriptor, LOOP_GET_STATUS64, &raw) != 0) return -errno;
  *status = (struct cl_loop_status){
      .backing_major = major(raw.lo_device),
      .backing_minor = minor(raw.lo_device),
      .backing_inode = raw.lo_inode,
      .special_major = major(raw.lo_rdevice),
      .special_minor = minor(raw.lo_rdevice),
      .offset = raw.lo_offset,
      .size_limit = raw.lo_sizelimit,
      .read_only = (raw.lo_flags & LO_FLAGS_READ_ONLY) != 0,
      .autoclear = (raw.lo_flags & LO_FLAGS_AUTOCLEAR) != 0,
      .partition_scan = (raw.lo_flags & LO_FLAGS_PARTSCAN) != 0,
      .direct_io = (raw.lo_flags & LO_FLAGS_DIRECT_IO) != 0,
  };
  return 0;
}

int cl_loop_find_free(int control) {
  int number = ioctl(control, LOOP_CTL_GET_FREE);
  return number < 0 ? -errno : number;
}

int cl_loop_configure(int descriptor, int backing, uint32_t block_size, bool read_only) {
  struct loop_config config = {
      .fd = (uint32_t)backing,
      .block_size = block_size,
      // Autoclear belongs in this very call: a kill between two calls would leak the device.
      .info.lo_flags = LO_FLAGS_AUTOCLEAR | LO_FLAGS_DIRECT_IO | (read_only ? LO_FLAGS_READ_ONLY : 0),
  };
  return ioctl(descriptor, LOOP_CONFIGURE, &config) == 0 ? 0 : -errno;
}
