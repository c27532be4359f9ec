// fault-disk: a disk in memory whose faults, power cuts and log a test controls. README.md is its manual.
//
// One thread, one request after the other, so that the log is the order in which things happened. The file
// system is mounted nowhere: it hangs on a descriptor of this process, and is gone with it, however it ends.
#define _GNU_SOURCE
#define FUSE_USE_VERSION 314
#include <errno.h>
#include <fcntl.h>
#include <fuse_lowlevel.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "contents.h"
#include "control.h"
#include "requests.h"

enum { root = FUSE_ROOT_ID, disk, ctl, node_count };

static const char *const names[node_count] = {[root] = ".", [disk] = "disk", [ctl] = "ctl"};
static const double forever = 1e6; // seconds that the kernel may keep what it was told

// What the kernel asks of files.

static struct stat status_of(fuse_ino_t node) {
  return (struct stat){
      .st_ino = node,
      .st_mode = node == root ? S_IFDIR | 0700 : S_IFREG | 0600,
      .st_nlink = node == root ? 2 : 1,
      .st_size = node == disk ? (off_t)contents_size() : 0,
      .st_blocks = node == disk ? (blkcnt_t)(contents_size() / 512) : 0,
      .st_blksize = 4096,
  };
}

static void set_up(void *user, struct fuse_conn_info *connection) {
  (void)user;
  // What is held up must not keep other requests in the kernel.
  connection->max_background = 1024;
}

static void look_up(fuse_req_t caller, fuse_ino_t parent, const char *name) {
  for (fuse_ino_t node = disk; parent == root && node < node_count; node++) {
    if (strcmp(name, names[node]) != 0) continue;
    struct fuse_entry_param entry = {
        .ino = node, .attr = status_of(node), .attr_timeout = forever, .entry_timeout = forever};
    fuse_reply_entry(caller, &entry);
    return;
  }
  fuse_reply_err(caller, ENOENT);
}

static void get_status(fuse_req_t caller, fuse_ino_t node, struct fuse_file_info *file) {
  (void)file;
  struct stat status = status_of(node);
  fuse_reply_attr(caller, &status, forever);
}

/// Nothing can be set; O_TRUNC of a shell's `>` is no error.
static void set_status(fuse_req_t caller, fuse_ino_t node, struct stat *status, int which,
                       struct fuse_file_info *file) {
  (void)status, (void)which;
  get_status(caller, node, file);
}

static void open_file(fuse_req_t caller, fuse_ino_t node, struct fuse_file_info *file) {
  (void)node;
  file->direct_io = 1; // every read and write comes here, as it was asked for
  fuse_reply_open(caller, file);
}

static void read_directory(fuse_req_t caller, fuse_ino_t node, size_t size, off_t offset,
                           struct fuse_file_info *file) {
  (void)node, (void)file;
  char buffer[256];
  size_t used = 0;
  for (off_t next = offset + root; next < node_count; next++) {
    struct stat status = status_of((fuse_ino_t)next);
    size_t room = (size < sizeof buffer ? size : sizeof buffer) - used;
    size_t wanted = fuse_add_direntry(caller, buffer + used, room, names[next], &status, next);
    if (wanted > room) break;
    used += wanted;
  }
  fuse_reply_buf(caller, buffer, used);
}

static void tell_file_system(fuse_req_t caller, fuse_ino_t node) {
  (void)node;
  struct statvfs status = {
      .f_bsize = 4096, .f_frsize = 4096, .f_blocks = contents_size() / 4096, .f_namemax = 255};
  fuse_reply_statfs(caller, &status);
}

// What it asks of the disk.

/// What of a range lies on the disk.
static uint64_t inside(off_t offset, uint64_t length) {
  uint64_t start = (uint64_t)offset, size = contents_size();
  return start >= size ? 0 : length > size - start ? size - start : length;
}

static void read_file(fuse_req_t caller, fuse_ino_t node, size_t size, off_t offset,
                      struct fuse_file_info *file) {
  (void)file;
  if (node == disk) {
    request_take(caller, kind_read, (uint64_t)offset, inside(offset, size), NULL);
    return;
  }
  size_t length;
  const char *answer = control_answer(&length);
  size_t rest = (size_t)offset < length ? length - (size_t)offset : 0;
  fuse_reply_buf(caller, rest > 0 ? answer + offset : NULL, rest < size ? rest : size);
}

static void write_file(fuse_req_t caller, fuse_ino_t node, const char *bytes, size_t size, off_t offset,
                       struct fuse_file_info *file) {
  (void)file;
  if (node == ctl) {
    int result = control_write(bytes, size);
    if (result == 0)
      fuse_reply_write(caller, size);
    else
      fuse_reply_err(caller, -result);
  } else if (inside(offset, size) < size) {
    fuse_reply_err(caller, ENOSPC);
  } else {
    request_take(caller, kind_write, (uint64_t)offset, size, bytes);
  }
}

static void sync_file(fuse_req_t caller, fuse_ino_t node, int only_data, struct fuse_file_info *file) {
  (void)only_data, (void)file;
  if (node == disk)
    request_take(caller, kind_sync, 0, 0, NULL);
  else
    fuse_reply_err(caller, 0);
}

/// A loop device's discards and writes of zeros come as these (drivers/block/loop.c, lo_fallocate).
static void change_allocation(fuse_req_t caller, fuse_ino_t node, int mode, off_t offset, off_t length,
                              struct fuse_file_info *file) {
  (void)file;
  bool zeroes =
      (mode & (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE)) != 0 && (mode & FALLOC_FL_KEEP_SIZE) != 0;
  if (node == disk && zeroes)
    request_take(caller, kind_discard, (uint64_t)offset, inside(offset, (uint64_t)length), NULL);
  else
    fuse_reply_err(caller, EOPNOTSUPP);
}

static const struct fuse_lowlevel_ops operations = {
    .init = set_up,
    .lookup = look_up,
    .getattr = get_status,
    .setattr = set_status,
    .open = open_file,
    .read = read_file,
    .write = write_file,
    .fsync = sync_file,
    .fallocate = change_allocation,
    .readdir = read_directory,
    .statfs = tell_file_system,
};

// Start and end.

_Noreturn static void fail(const char *attempt) {
  fprintf(stderr, "fault-disk: %s: %s\n", attempt, strerror(errno));
  exit(1);
}

/// Mounts the file system nowhere: only who can see this process's descriptors reaches it (fsmount(2)).
static int make_mount(int connection) {
  char number[16];
  snprintf(number, sizeof number, "%d", connection);
  int context = fsopen("fuse", FSOPEN_CLOEXEC);
  if (context < 0 || fsconfig(context, FSCONFIG_SET_STRING, "source", "fault-disk", 0) != 0 ||
      fsconfig(context, FSCONFIG_SET_STRING, "fd", number, 0) != 0 ||
      fsconfig(context, FSCONFIG_SET_STRING, "rootmode", "40000", 0) != 0 ||
      fsconfig(context, FSCONFIG_SET_STRING, "user_id", "0", 0) != 0 ||
      fsconfig(context, FSCONFIG_SET_STRING, "group_id", "0", 0) != 0 ||
      fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) != 0)
    return -1;
  int mount = fsmount(context, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
  close(context);
  return mount;
}

static struct fuse_session *make_session(int connection) {
  char *words[] = {"fault-disk", NULL};
  struct fuse_args arguments = FUSE_ARGS_INIT(1, words);
  struct fuse_session *session = fuse_session_new(&arguments, &operations, sizeof operations, NULL);
  char path[32];
  snprintf(path, sizeof path, "/dev/fd/%d", connection); // libfuse takes it instead of mounting something
  return session != NULL && fuse_session_mount(session, path) == 0 ? session : NULL;
}

static void serve(struct fuse_session *session, int connection) {
  struct fuse_buf buffer = {.mem = NULL};
  while (!fuse_session_exited(session)) {
    struct pollfd event = {.fd = connection, .events = POLLIN};
    int count = poll(&event, 1, requests_carry_out_due());
    if (count == 0 || (count < 0 && errno == EINTR)) continue;
    int length = fuse_session_receive_buf(session, &buffer);
    if (length == -EINTR || length == -EAGAIN) continue;
    if (length <= 0) break;
    fuse_session_process_buf(session, &buffer);
  }
}

static bool parse_size(const char *text, uint64_t *size) {
  char *end;
  errno = 0;
  *size = strtoull(text, &end, 10);
  return errno == 0 && *text >= '0' && *text <= '9' && *end == 0 && *size > 0 && *size % 512 == 0;
}

int main(int count, char **words) {
  uint64_t size;
  if (count != 2 || !parse_size(words[1], &size)) {
    fprintf(stderr, "usage: fault-disk BYTES\nBYTES: the disk's size, a multiple of 512\n");
    return 2;
  }
  pid_t parent = getppid();
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) return 1; // it died before that
  int made = contents_make(size);
  if (made != 0) {
    errno = -made;
    fail("take memory for the disk");
  }
  int connection = open("/dev/fuse", O_RDWR | O_CLOEXEC);
  if (connection < 0) fail("open /dev/fuse");
  struct fuse_session *session = make_session(connection);
  if (session == NULL) fail("start a FUSE session");
  int mount = make_mount(connection);
  if (mount < 0) fail("mount it");
  printf("/proc/%d/fd/%d\n", getpid(), mount);
  fflush(stdout);
  serve(session, connection);
  return 0;
}
