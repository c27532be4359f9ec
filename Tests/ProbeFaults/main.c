// The probing helper with faults: a disk that begins with "FAULT:name" makes its child misbehave as if libblkid
// had been taken over by the disk's bytes, or as if the device hung. Any other disk is probed as ever.
#define _GNU_SOURCE
#include "CProbe.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static char fault[64];

static bool is(const char *name) { return strcmp(fault, name) == 0; }

/// Reads which fault the disk wants. Direct reads want aligned room.
static void read_fault(int descriptor) {
  static _Alignas(4096) char block[4096];
  fault[0] = 0;
  if (pread(descriptor, block, sizeof block, 0) < 6 || memcmp(block, "FAULT:", 6) != 0) return;
  memcpy(fault, block + 6, sizeof fault - 1);
}

static void before_first_read(int descriptor) {
  read_fault(descriptor);
  if (fault[0] != 0) prctl(PR_SET_NAME, fault); // for a test that watches /proc
  if (is("hang"))
    for (;;) pause();
}

/// 0 where every way out of the sandbox ends in EPERM, else the number of the first that does not.
static int try_to_escape(int descriptor) {
  char byte = 0;
  char *const none[] = {NULL};
  struct sockaddr address = {.sa_family = AF_UNIX};
  const long results[] = {
      syscall(SYS_openat, AT_FDCWD, "/etc/passwd", O_RDONLY) < 0 ? errno : 0,
      syscall(SYS_openat, AT_FDCWD, "/dev/null", O_RDWR) < 0 ? errno : 0,
      syscall(SYS_openat, AT_FDCWD, "/proc/self/status", O_RDONLY) < 0 ? errno : 0,
      syscall(SYS_openat, AT_FDCWD, "/tmp/escaped", O_CREAT | O_WRONLY, 0600) < 0 ? errno : 0,
      syscall(SYS_socket, AF_UNIX, SOCK_STREAM, 0) < 0 ? errno : 0,
      syscall(SYS_socket, AF_INET, SOCK_STREAM, 0) < 0 ? errno : 0,
      syscall(SYS_connect, descriptor, &address, sizeof address) < 0 ? errno : 0,
      syscall(SYS_execve, "/bin/true", none, none) < 0 ? errno : 0,
      syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0) < 0 ? errno : 0,
      syscall(SYS_write, descriptor, &byte, 1) < 0 ? errno : 0,
      syscall(SYS_write, 2, &byte, 1) < 0 ? errno : 0,
      syscall(SYS_pwrite64, descriptor, &byte, 1, 0) < 0 ? errno : 0,
      syscall(SYS_ioctl, descriptor, 0, 0) < 0 ? errno : 0,
      syscall(SYS_kill, 1, 0) < 0 ? errno : 0,
      syscall(SYS_ptrace, 0, 0, 0, 0) < 0 ? errno : 0,
      syscall(SYS_setuid, 0) < 0 ? errno : 0,
      syscall(SYS_dup, descriptor) < 0 ? errno : 0,
      syscall(SYS_unlinkat, AT_FDCWD, "/tmp/escaped", 0) < 0 ? errno : 0,
      syscall(SYS_prlimit64, 0, 0, NULL, NULL) < 0 ? errno : 0,
      syscall(SYS_io_uring_setup, 1, NULL) < 0 ? errno : 0,
      syscall(SYS_memfd_create, "m", 0) < 0 ? errno : 0,
  };
  for (size_t index = 0; index < sizeof results / sizeof results[0]; index++)
    if (results[index] != EPERM) return (int)index + 1;
  return 0;
}

/// 0 where 64 MiB can be had and 256 MiB more cannot.
static int try_to_take_memory(void) {
  const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
  if (mmap(NULL, 64u << 20, PROT_READ, flags, -1, 0) == MAP_FAILED) return 1;
  if (mmap(NULL, 256u << 20, PROT_READ, flags, -1, 0) != MAP_FAILED) return 2;
  return errno == ENOMEM ? 0 : 3;
}

static int before_libblkid(int descriptor) {
  (void)descriptor;
  if (is("crash")) *(volatile int *)NULL = 0;
  if (is("abort")) abort();
  if (is("exit")) _exit(7);
  while (is("spin")) {}
  if (is("escape")) return try_to_escape(descriptor);
  if (is("memory")) return try_to_take_memory();
  return -1;
}

int main(int argc, char **argv) {
  static const struct probe_variation variation = {
      .cpu_seconds = 1, .before_first_read = before_first_read, .before_libblkid = before_libblkid};
  probe_helper_enter_varied(argc, argv, &variation);
  return 64;
}
