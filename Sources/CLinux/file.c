#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <unistd.h>

const int cl_open_direct = O_DIRECT;
const int cl_open_path = O_PATH;
const int cl_open_unnamed = O_TMPFILE;
const uint64_t cl_resolve_no_links = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;

int cl_openat2(int directory, const char *path, int flags, uint64_t resolve) {
  struct open_how how = {
      .flags = (uint64_t)(flags | O_CLOEXEC),
      // O_TMPFILE is the one way here to make a file; it never has a name.
      .mode = (flags & O_TMPFILE) == O_TMPFILE ? 0600 : 0,
      .resolve = resolve,
  };
  long descriptor;
  do descriptor = syscall(SYS_openat2, directory, path, &how, sizeof how);
  while (descriptor < 0 && (errno == EINTR || errno == EAGAIN));
  return descriptor < 0 ? -errno : (int)descriptor;
}

int cl_create_file(int directory, const char *name) {
  int descriptor;
  do descriptor = openat(directory, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  while (descriptor < 0 && errno == EINTR);
  return descriptor < 0 ? -errno : descriptor;
}

int cl_make_direct(int descriptor) {
  int flags = fcntl(descriptor, F_GETFL);
  if (flags < 0 || fcntl(descriptor, F_SETFL, flags | O_DIRECT) != 0) return -errno;
  return 0;
}

int cl_close(int descriptor) { return close(descriptor) == 0 ? 0 : -errno; }

int cl_make_blocking(int descriptor) {
  int flags = fcntl(descriptor, F_GETFL);
  if (flags < 0 || fcntl(descriptor, F_SETFL, flags & ~O_NONBLOCK) != 0) return -errno;
  return 0;
}

int cl_duplicate(int descriptor) {
  int copy = fcntl(descriptor, F_DUPFD_CLOEXEC, 0);
  return copy < 0 ? -errno : copy;
}

static int64_t nanoseconds(struct statx_timestamp time) {
  int64_t sum; // a file system of another host may say anything
  if (__builtin_mul_overflow(time.tv_sec, INT64_C(1000000000), &sum) ||
      __builtin_add_overflow(sum, (int64_t)time.tv_nsec, &sum))
    return time.tv_sec < 0 ? INT64_MIN : INT64_MAX;
  return sum;
}

static int status(int directory, const char *path, int flags, struct cl_file_status *status) {
  struct statx raw;
  if (statx(directory, path, flags, STATX_BASIC_STATS | STATX_BTIME | STATX_DIOALIGN, &raw) != 0) return -errno;
  *status = (struct cl_file_status){
      .mode = raw.stx_mode,
      .user = raw.stx_uid,
      .inode = raw.stx_ino,
      .links = raw.stx_nlink,
      .size = raw.stx_size,
      .blocks = raw.stx_blocks,
      .device_major = raw.stx_dev_major,
      .device_minor = raw.stx_dev_minor,
      .special_major = raw.stx_rdev_major,
      .special_minor = raw.stx_rdev_minor,
      .modified = nanoseconds(raw.stx_mtime),
      .changed = nanoseconds(raw.stx_ctime),
      .born = (raw.stx_mask & STATX_BTIME) ? nanoseconds(raw.stx_btime) : 0,
      .immutable = (raw.stx_attributes & STATX_ATTR_IMMUTABLE) != 0,
      .direct_memory_align = (raw.stx_mask & STATX_DIOALIGN) ? raw.stx_dio_mem_align : 0,
      .direct_offset_align = (raw.stx_mask & STATX_DIOALIGN) ? raw.stx_dio_offset_align : 0,
  };
  return 0;
}

int cl_status_of(int descriptor, struct cl_file_status *result) {
  return status(descriptor, "", AT_EMPTY_PATH, result);
}

int cl_status_at(int directory, const char *path, bool follow, struct cl_file_status *result) {
  return status(directory, path, AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT | (follow ? 0 : AT_SYMLINK_NOFOLLOW), result);
}

int cl_file_system(int descriptor, uint64_t *magic, uint64_t *available, uint64_t *total, uint64_t *free_files,
                   bool *read_only) {
  struct statfs raw;
  if (fstatfs(descriptor, &raw) != 0) return -errno;
  *magic = (uint64_t)raw.f_type & 0xffffffff;
  *available = (uint64_t)raw.f_bavail * (uint64_t)raw.f_bsize;
  *total = (uint64_t)raw.f_blocks * (uint64_t)raw.f_bsize;
  *free_files = raw.f_files != 0 ? (uint64_t)raw.f_ffree : UINT64_MAX;
  *read_only = (raw.f_flags & ST_RDONLY) != 0;
  return 0;
}

int cl_open_directory_stream(int descriptor, DIR **stream) {
  *stream = fdopendir(descriptor);
  return *stream != NULL ? 0 : -errno;
}

int64_t cl_read_link(int directory, const char *path, char *buffer, size_t capacity) {
  ssize_t length = readlinkat(directory, path, buffer, capacity);
  if (length < 0) return -errno;
  return (size_t)length == capacity ? -ENAMETOOLONG : length;
}

int64_t cl_read(int descriptor, void *buffer, size_t count) {
  ssize_t result;
  do result = read(descriptor, buffer, count);
  while (result < 0 && errno == EINTR);
  return result < 0 ? -errno : result;
}

int64_t cl_read_at(int descriptor, void *buffer, size_t count, uint64_t offset) {
  ssize_t result;
  do result = pread(descriptor, buffer, count, (off_t)offset);
  while (result < 0 && errno == EINTR);
  return result < 0 ? -errno : result;
}

int64_t cl_write_at(int descriptor, const void *buffer, size_t count, uint64_t offset) {
  ssize_t result;
  do result = pwrite(descriptor, buffer, count, (off_t)offset);
  while (result < 0 && errno == EINTR);
  return result < 0 ? -errno : result;
}

int cl_transfer_in(int descriptor, void *buffer, size_t count, uint64_t offset) {
  struct iovec piece = {.iov_base = buffer, .iov_len = count};
  ssize_t result;
  do result = preadv2(descriptor, &piece, 1, (off_t)offset, 0);
  while (result < 0 && errno == EINTR);
  return result < 0 ? -errno : (int)result;
}

int cl_transfer_out(int descriptor, const void *buffer, size_t count, uint64_t offset) {
  struct iovec piece = {.iov_base = (void *)buffer, .iov_len = count};
  ssize_t result;
  do result = pwritev2(descriptor, &piece, 1, (off_t)offset, 0);
  while (result < 0 && errno == EINTR);
  return result < 0 ? -errno : (int)result;
}

int cl_clone_file(int to, int from) {
  int result;
  do result = ioctl(to, FICLONE, from);
  while (result < 0 && errno == EINTR);
  return result < 0 ? -errno : 0;
}

const int cl_punch_mode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;

int cl_punch_hole(int descriptor, uint64_t offset, uint64_t count) {
  int result;
  do result = fallocate(descriptor, cl_punch_mode, (off_t)offset, (off_t)count);
  while (result < 0 && errno == EINTR);
  return result < 0 ? -errno : 0;
}

int cl_sync(int descriptor) {
  int result;
  do result = fsync(descriptor);
  while (result < 0 && errno == EINTR);
  return result < 0 ? -errno : 0;
}

int cl_data_sync(int descriptor) {
  int result;
  do result = fdatasync(descriptor);
  while (result < 0 && errno == EINTR);
  return result < 0 ? -errno : 0;
}

int cl_resize(int descriptor, uint64_t size) {
  int result;
  do result = ftruncate(descriptor, (off_t)size);
  while (result < 0 && errno == EINTR);
  return result < 0 ? -errno : 0;
}

int cl_drop_cached_pages(int descriptor, uint64_t offset) {
  return -posix_fadvise(descriptor, (off_t)offset, 0, POSIX_FADV_DONTNEED);
}

int64_t cl_seek_data(int descriptor, uint64_t offset) {
  off_t result = lseek(descriptor, (off_t)offset, SEEK_DATA);
  return result < 0 ? -errno : result;
}

int64_t cl_seek_hole(int descriptor, uint64_t offset) {
  off_t result = lseek(descriptor, (off_t)offset, SEEK_HOLE);
  return result < 0 ? -errno : result;
}

int cl_lock_exclusively(int descriptor) {
  int result;
  do result = flock(descriptor, LOCK_EX | LOCK_NB);
  while (result < 0 && errno == EINTR);
  return result < 0 ? -errno : 0;
}

static int byte_lock(int descriptor, int command, short type, uint64_t first, uint64_t count, struct flock *lock) {
  *lock = (struct flock){
      .l_type = type, .l_whence = SEEK_SET, .l_start = (off_t)first, .l_len = (off_t)count};
  int result;
  do result = fcntl(descriptor, command, lock);
  while (result < 0 && errno == EINTR);
  return result < 0 ? -errno : 0;
}

int cl_lock_bytes(int descriptor, uint64_t first, uint64_t count, bool writing) {
  struct flock lock;
  return byte_lock(descriptor, F_OFD_SETLK, writing ? F_WRLCK : F_RDLCK, first, count, &lock);
}

int cl_unlock_bytes(int descriptor, uint64_t first, uint64_t count) {
  struct flock lock;
  return byte_lock(descriptor, F_OFD_SETLK, F_UNLCK, first, count, &lock);
}

int cl_bytes_are_locked(int descriptor, uint64_t first, uint64_t count) {
  struct flock lock;
  int result = byte_lock(descriptor, F_OFD_GETLK, F_WRLCK, first, count, &lock);
  return result < 0 ? result : lock.l_type != F_UNLCK;
}

int64_t cl_write(int descriptor, const void *buffer, size_t count) {
  ssize_t result;
  do result = write(descriptor, buffer, count);
  while (result < 0 && errno == EINTR);
  return result < 0 ? -errno : result;
}
