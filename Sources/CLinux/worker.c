#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

int cl_pipe(int ends[2]) {
  int low[2];
  if (pipe2(low, O_CLOEXEC) != 0) return -errno;
  int error = 0;
  for (int end = 0; end < 2; end++) {
    ends[end] = fcntl(low[end], F_DUPFD_CLOEXEC, 10);
    if (ends[end] < 0) error = errno;
    close(low[end]);
  }
  if (error == 0) return 0;
  for (int end = 0; end < 2; end++)
    if (ends[end] >= 0) close(ends[end]);
  return -error;
}

int cl_enlarge_pipe(int descriptor, int bytes) {
  int size = fcntl(descriptor, F_SETPIPE_SZ, bytes);
  return size < 0 ? -errno : size;
}

int cl_is_pipe(int descriptor) {
  struct stat status;
  return fstat(descriptor, &status) == 0 && S_ISFIFO(status.st_mode);
}

int cl_close_on_exec(int descriptor) { return fcntl(descriptor, F_SETFD, FD_CLOEXEC) == 0 ? 0 : -errno; }

int cl_bytes_waiting(int descriptor) {
  int bytes = 0;
  return ioctl(descriptor, FIONREAD, &bytes) == 0 ? bytes : -errno;
}

int cl_poll(struct pollfd *entries, unsigned count, int milliseconds) {
  int ready = poll(entries, count, milliseconds);
  if (ready < 0 && errno == EINTR) {
    for (unsigned i = 0; i < count; i++) entries[i].revents = 0;
    return 0;
  }
  return ready < 0 ? -errno : ready;
}

/// How a process of our own is started.
struct spawning {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
};

/// No signal blocked or ignored, standard input and output /dev/null; `flags` besides.
static int spawning_begin(struct spawning *spawning, short flags) {
  sigset_t none, all;
  sigemptyset(&none);
  sigfillset(&all);
  int error = posix_spawn_file_actions_init(&spawning->actions);
  if (error != 0) return error;
  error = posix_spawnattr_init(&spawning->attributes);
  if (error != 0) {
    posix_spawn_file_actions_destroy(&spawning->actions);
    return error;
  }
  posix_spawn_file_actions_t *actions = &spawning->actions;
  if (error == 0) error = posix_spawn_file_actions_addopen(actions, 0, "/dev/null", O_RDWR, 0);
  if (error == 0) error = posix_spawn_file_actions_addopen(actions, 1, "/dev/null", O_RDWR, 0);
  if (error == 0) error = posix_spawnattr_setsigmask(&spawning->attributes, &none);
  if (error == 0) error = posix_spawnattr_setsigdefault(&spawning->attributes, &all);
  if (error == 0) error = posix_spawnattr_setpgroup(&spawning->attributes, 0);
  flags |= POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
  if (error == 0) error = posix_spawnattr_setflags(&spawning->attributes, flags);
  return error;
}

static void spawning_end(struct spawning *spawning) {
  posix_spawnattr_destroy(&spawning->attributes);
  posix_spawn_file_actions_destroy(&spawning->actions);
}

int cl_spawn_worker(const char *executable, const char *name, int control, int events, pid_t *worker) {
  struct spawning spawning;
  int error = spawning_begin(&spawning, POSIX_SPAWN_SETPGROUP);
  posix_spawn_file_actions_t *actions = &spawning.actions;
  if (error == 0) error = posix_spawn_file_actions_adddup2(actions, control, cl_worker_control);
  if (error == 0) error = posix_spawn_file_actions_adddup2(actions, events, cl_worker_events);
  if (error == 0) error = posix_spawn_file_actions_addclosefrom_np(actions, cl_worker_events + 1);
  char *arguments[] = {(char *)name, NULL};
  if (error == 0) error = posix_spawn(worker, executable, actions, &spawning.attributes, arguments, environ);
  spawning_end(&spawning);
  return -error;
}

int cl_spawn_detached(const char *executable, char *const arguments[], pid_t *process) {
  struct spawning spawning;
  int error = spawning_begin(&spawning, POSIX_SPAWN_SETSID);
  posix_spawn_file_actions_t *actions = &spawning.actions;
  if (error == 0) error = posix_spawn_file_actions_addopen(actions, 2, "/dev/null", O_RDWR, 0);
  if (error == 0) error = posix_spawn_file_actions_addclosefrom_np(actions, 3);
  if (error == 0) error = posix_spawn_file_actions_addchdir_np(actions, "/");
  if (error == 0) error = posix_spawn(process, executable, actions, &spawning.attributes, arguments, environ);
  spawning_end(&spawning);
  return -error;
}

int cl_open_process(pid_t process) {
  int descriptor = pidfd_open(process, 0);
  return descriptor < 0 ? -errno : descriptor;
}

int cl_signal_process(int process, int number) {
  return pidfd_send_signal(process, number, NULL, 0) == 0 ? 0 : -errno;
}

int cl_request_end(int process, int value) {
  siginfo_t signal = {.si_signo = SIGTERM, .si_code = SI_QUEUE};
  signal.si_pid = getpid();
  signal.si_uid = getuid();
  signal.si_value.sival_int = value;
  return pidfd_send_signal(process, SIGTERM, &signal, 0) == 0 ? 0 : -errno;
}

int cl_reap(pid_t process, int *status) {
  pid_t result;
  do result = waitpid(process, status, WNOHANG);
  while (result < 0 && errno == EINTR);
  return result < 0 ? -errno : result > 0;
}

int cl_ending_signal(int status) { return WIFSIGNALED(status) ? WTERMSIG(status) : 0; }

int cl_exit_status(int status) { return WIFEXITED(status) ? WEXITSTATUS(status) : -ECHILD; }

int cl_stop_signal_descriptor(void) {
  sigset_t set;
  cl_stop_signals(&set);
  int descriptor = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
  return descriptor < 0 ? -errno : descriptor;
}

int cl_take_stop_signal(int descriptor, int *value) {
  struct signalfd_siginfo signal;
  ssize_t bytes;
  do bytes = read(descriptor, &signal, sizeof signal);
  while (bytes < 0 && errno == EINTR);
  if (bytes < 0) return errno == EAGAIN ? 0 : -errno;
  if (bytes != sizeof signal) return -EPROTO;
  *value = signal.ssi_code == SI_QUEUE ? signal.ssi_int : 0;
  return (int)signal.ssi_signo;
}

void cl_ignore_terminal(void) {
  signal(SIGPIPE, SIG_IGN);
  signal(SIGTTOU, SIG_IGN);
  signal(SIGTTIN, SIG_IGN);
}

const char *cl_signal_name(int number) { return sigabbrev_np(number); }

int cl_name_process(const char *name) { return prctl(PR_SET_NAME, name) == 0 ? 0 : -errno; }
