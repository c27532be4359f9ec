#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

const char *cl_errno_name(int number) { return strerrorname_np(number); }

int cl_thread_id(void) { return gettid(); }

void cl_stop_signals(sigset_t *set) {
  sigemptyset(set);
  sigaddset(set, SIGINT);
  sigaddset(set, SIGTERM);
  sigaddset(set, SIGHUP);
}

int cl_block_stop_signals(void) {
  sigset_t set;
  cl_stop_signals(&set);
  return -pthread_sigmask(SIG_BLOCK, &set, NULL);
}

int cl_wait_for_stop_signal(void) {
  sigset_t set;
  cl_stop_signals(&set);
  int number = 0;
  int result = sigwait(&set, &number);
  return result != 0 ? -result : number;
}

int cl_hold_standard_descriptors(void) {
  for (int standard = 0; standard <= 2; standard++) {
    if (fcntl(standard, F_GETFD) >= 0) continue;
    // The lowest free number is `standard`: those below are taken.
    int opened = open("/dev/null", O_RDWR);
    if (opened < 0) return -errno;
    if (opened != standard) return -EBADF;
  }
  return 0;
}

int cl_forbid_core_dumps(void) { return prctl(PR_SET_DUMPABLE, 0) == 0 ? 0 : -errno; }

int cl_try_ring(void) {
  struct io_uring_params params = {0};
  long ring = syscall(SYS_io_uring_setup, 1, &params);
  if (ring < 0) return -errno;
  close((int)ring);
  return 0;
}

int cl_event(void) {
  int event = eventfd(0, EFD_CLOEXEC);
  return event < 0 ? -errno : event;
}

int cl_event_raise(int event) {
  uint64_t one = 1;
  return write(event, &one, sizeof one) == sizeof one ? 0 : -errno;
}

int cl_event_wait(int event, int milliseconds) {
  struct pollfd poller = {.fd = event, .events = POLLIN};
  int ready = poll(&poller, 1, milliseconds);
  return ready < 0 ? -errno : ready;
}

int64_t cl_local_offset(int64_t seconds) {
  time_t time = seconds;
  struct tm fields;
  tzset(); // localtime_r(3) need not look at TZ.
  return localtime_r(&time, &fields) == NULL ? 0 : fields.tm_gmtoff;
}
