#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

const char *cl_errno_name(int number) { return strerrorname_np(number); }

int cl_thread_id(void) { return gettid(); }

static void stop_signals(sigset_t *set) {
  sigemptyset(set);
  sigaddset(set, SIGINT);
  sigaddset(set, SIGTERM);
  sigaddset(set, SIGHUP);
}

int cl_block_stop_signals(void) {
  sigset_t set;
  stop_signals(&set);
  return -pthread_sigmask(SIG_BLOCK, &set, NULL);
}

int cl_wait_for_stop_signal(void) {
  sigset_t set;
  stop_signals(&set);
  int number = 0;
  int result = sigwait(&set, &number);
  return result != 0 ? -result : number;
}

int cl_forbid_core_dumps(void) { return prctl(PR_SET_DUMPABLE, 0) == 0 ? 0 : -errno; }
