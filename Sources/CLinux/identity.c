#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <linux/btrfs.h>
#include <linux/btrfs_tree.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/vfs.h>

// Newer than Debian 12's headers. Sources: <linux/fs.h>, 6.9 (FS_IOC_GETFSUUID); fs/ext4/ext4.h, 6.0
// (EXT4_IOC_GETFSUUID, struct fsuuid); fs/xfs/libxfs/xfs_fs.h (XFS_IOC_FSGEOMETRY_V1).
struct uuid_answer {
  uint8_t length;
  uint8_t uuid[16];
};
#define GET_UUID _IOR(0x15, 0, struct uuid_answer)

struct ext4_uuid {
  uint32_t length, flags;
  uint8_t uuid[16];
};
// The kernel's structure ends with a flexible array, which its number does not count.
#define GET_EXT4_UUID _IOC(_IOC_READ, 'f', 44, 8)

struct xfs_geometry {
  uint32_t before[8];
  uint64_t sizes[4];
  uint8_t uuid[16];
  uint32_t after[7];
};
#define GET_XFS_GEOMETRY _IOR('X', 100, struct xfs_geometry)

enum { EXT4_MAGIC = 0xef53, XFS_MAGIC = 0x58465342, BTRFS_MAGIC = 0x9123683e };

int cl_file_system_uuid(int descriptor, uint8_t uuid[16]) {
  struct uuid_answer answer = {0};
  if (ioctl(descriptor, GET_UUID, &answer) == 0) {
    if (answer.length != 16) return -ENODATA;
    memcpy(uuid, answer.uuid, 16);
    return 0;
  }
  struct statfs raw;
  if (fstatfs(descriptor, &raw) != 0) return -errno;
  // Each with its own file system only: the numbers mean something else to others.
  switch ((uint64_t)raw.f_type & 0xffffffff) {
    case EXT4_MAGIC: {
      struct ext4_uuid ext4 = {.length = 16};
      if (ioctl(descriptor, GET_EXT4_UUID, &ext4) != 0) return -errno;
      memcpy(uuid, ext4.uuid, 16);
      return 0;
    }
    case XFS_MAGIC: {
      struct xfs_geometry xfs = {0};
      if (ioctl(descriptor, GET_XFS_GEOMETRY, &xfs) != 0) return -errno;
      memcpy(uuid, xfs.uuid, 16);
      return 0;
    }
    case BTRFS_MAGIC: {
      struct btrfs_ioctl_fs_info_args btrfs = {0};
      if (ioctl(descriptor, BTRFS_IOC_FS_INFO, &btrfs) != 0) return -errno;
      memcpy(uuid, btrfs.fsid, 16);
      return 0;
    }
    default: return -ENOTTY;
  }
}

int cl_file_system_id(int descriptor, uint64_t *id) {
  struct statfs raw;
  if (fstatfs(descriptor, &raw) != 0) return -errno;
  uint32_t halves[2];
  _Static_assert(sizeof halves == sizeof raw.f_fsid, "two integers");
  memcpy(halves, &raw.f_fsid, sizeof halves);
  *id = (uint64_t)halves[1] << 32 | halves[0];
  return 0;
}

int cl_btrfs_subvolume(int descriptor, uint64_t *subvolume) {
  struct btrfs_ioctl_ino_lookup_args lookup = {.treeid = 0, .objectid = BTRFS_FIRST_FREE_OBJECTID};
  if (ioctl(descriptor, BTRFS_IOC_INO_LOOKUP, &lookup) != 0) return -errno;
  *subvolume = lookup.treeid;
  return 0;
}
