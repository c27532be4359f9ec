// The child's sandbox: nobody, no privileges, no more descriptors, little memory, few system calls.
#define _GNU_SOURCE
#include "record.h"

#include <errno.h>
#include <grp.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define PROBE_ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define PROBE_ARCHITECTURE AUDIT_ARCH_AARCH64
#else
#error "the allow-list was tried on x86_64 and aarch64"
#endif

enum { nobody = 65534 }; // user and group; the kernel's overflow ids, whatever /etc/passwd says

int probe_end_with(pid_t helper) {
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) return -errno;
  return getppid() == helper ? 0 : -ESRCH; // it may have ended before
}

/// Gives up root. The signal at the helper's death comes again: changing the user clears it (prctl(2)).
static int become_nobody(pid_t helper) {
  if (setgroups(0, NULL) != 0 || setresgid(nobody, nobody, nobody) != 0 ||
      setresuid(nobody, nobody, nobody) != 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
    return -errno;
  return probe_end_with(helper);
}

/// Denies every access to files by path, TCP, abstract sockets and signals to others; no rule allows any.
/// Returns 1, 0 where the kernel has no Landlock or did not turn it on, or a negative errno.
static int deny_all_paths(void) {
  // The later members are newer than Debian 12's header. Source: landlock(7), <linux/landlock.h> of 6.12.
  struct {
    uint64_t files, network, scopes;
  } ruleset = {0};
  long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
  if (version < 0) return errno == ENOSYS || errno == EOPNOTSUPP ? 0 : -errno;
  ruleset.files = (1u << 13) - 1;               // version 1
  if (version >= 2) ruleset.files |= 1u << 13;  // REFER
  if (version >= 3) ruleset.files |= 1u << 14;  // TRUNCATE
  if (version >= 4) ruleset.network = 3;        // BIND_TCP, CONNECT_TCP
  if (version >= 5) ruleset.files |= 1u << 15;  // IOCTL_DEV
  if (version >= 6) ruleset.scopes = 3;         // ABSTRACT_UNIX_SOCKET, SIGNAL
  size_t size = version >= 6 ? 24 : version >= 4 ? 16 : 8;
  int descriptor = (int)syscall(SYS_landlock_create_ruleset, &ruleset, size, 0);
  if (descriptor < 0) return -errno;
  int result = syscall(SYS_landlock_restrict_self, descriptor, 0) == 0 ? 1 : -errno;
  close(descriptor);
  return result;
}

static int limit(int resource, uint64_t value) {
  struct rlimit limit = {.rlim_cur = value, .rlim_max = value};
  return setrlimit((__rlimit_resource_t)resource, &limit) == 0 ? 0 : -errno;
}

static int limit_resources(uint32_t cpu_seconds) {
  const struct {
    int resource;
    uint64_t value;
  } limits[] = {
      {RLIMIT_AS, 256u << 20}, {RLIMIT_CPU, cpu_seconds}, {RLIMIT_NOFILE, 0}, {RLIMIT_CORE, 0},
      {RLIMIT_FSIZE, 0},       {RLIMIT_MEMLOCK, 0},
  };
  int result = 0;
  for (size_t index = 0; index < sizeof limits / sizeof limits[0] && result == 0; index++)
    result = limit(limits[index].resource, limits[index].value);
  return result;
}

/// The system calls that remain: PITFALLS, appendix B, without write, since the answer goes through memory.
/// Any other gives EPERM; another architecture's ends the child.
static int filter_system_calls(void) {
#define ALLOW(call) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##call, 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)
  struct sock_filter rules[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PROBE_ARCHITECTURE, 1, 0),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
      // x32 calls have numbers of their own, which match none of these.
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      ALLOW(read), ALLOW(pread64), ALLOW(lseek), ALLOW(fstat), ALLOW(newfstatat), ALLOW(fadvise64),
      ALLOW(mmap), ALLOW(munmap), ALLOW(mremap), ALLOW(mprotect), ALLOW(brk),
      ALLOW(close), ALLOW(getrandom), ALLOW(futex), ALLOW(rt_sigreturn), ALLOW(exit), ALLOW(exit_group),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
  };
#undef ALLOW
  struct sock_fprog program = {.len = sizeof rules / sizeof rules[0], .filter = rules};
  return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) == 0 ? 0 : -errno;
}

int probe_sandbox(pid_t helper, uint32_t cpu_seconds, uint8_t *landlock) {
  int result = become_nobody(helper);
  if (result != 0) return result;
  // Before the limits: its ruleset is a descriptor.
  result = deny_all_paths();
  if (result < 0) return result;
  *landlock = (uint8_t)result;
  result = limit_resources(cpu_seconds);
  return result == 0 ? filter_system_calls() : result;
}
