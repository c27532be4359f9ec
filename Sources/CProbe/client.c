#define _GNU_SOURCE
#include "CProbe.h"
#include "marker.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static int spawn(const char *executable, int socket, pid_t *helper) {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  sigset_t none, all;
  sigemptyset(&none);
  sigfillset(&all);
  int error = posix_spawn_file_actions_init(&actions);
  if (error != 0) return -error;
  error = posix_spawnattr_init(&attributes);
  if (error != 0) {
    posix_spawn_file_actions_destroy(&actions);
    return -error;
  }
  // The socket first: its number may be one of those that are opened or closed after it. dup2 onto the same
  // number clears close-on-exec (glibc 2.29).
  if (error == 0) error = posix_spawn_file_actions_adddup2(&actions, socket, probe_helper_socket);
  for (int standard = 0; standard < 3 && error == 0; standard++)
    error = posix_spawn_file_actions_addopen(&actions, standard, "/dev/null", O_RDWR, 0);
  if (error == 0) error = posix_spawn_file_actions_addclosefrom_np(&actions, probe_helper_socket + 1);
  if (error == 0) error = posix_spawnattr_setsigmask(&attributes, &none);
  if (error == 0) error = posix_spawnattr_setsigdefault(&attributes, &all);
  if (error == 0)
    error = posix_spawnattr_setflags(
        &attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSID);
  char name[] = probe_helper_name;
  char *arguments[] = {name, NULL};
  char *environment[] = {NULL};
  if (error == 0) error = posix_spawn(helper, executable, &actions, &attributes, arguments, environment);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  return -error;
}

int probe_helper_spawn(const char *executable, pid_t *helper) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) return -errno;
  int result = spawn(executable, ends[1], helper);
  close(ends[1]);
  if (result == 0) return ends[0];
  close(ends[0]);
  return result;
}

int probe_helper_end(int socket, pid_t helper) {
  close(socket);
  int process = pidfd_open(helper, 0);
  if (process >= 0) {
    struct pollfd wait = {.fd = process, .events = POLLIN};
    int ready;
    do ready = poll(&wait, 1, 1000);
    while (ready < 0 && errno == EINTR);
    if (ready != 1) pidfd_send_signal(process, SIGKILL, NULL, 0);
    close(process);
  }
  int status = 0;
  pid_t result;
  do result = waitpid(helper, &status, 0);
  while (result < 0 && errno == EINTR);
  return result < 0 ? -errno : status;
}

int probe_send(int socket, const struct probe_request *request, int descriptor) {
  union {
    struct cmsghdr header;
    char room[CMSG_SPACE(sizeof(int))];
  } control;
  memset(&control, 0, sizeof control);
  struct iovec part = {.iov_base = (void *)request, .iov_len = sizeof *request};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control,
                           .msg_controllen = sizeof control};
  struct cmsghdr *header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  memcpy(CMSG_DATA(header), &descriptor, sizeof(int));
  ssize_t sent;
  do sent = sendmsg(socket, &message, MSG_NOSIGNAL);
  while (sent < 0 && errno == EINTR);
  return sent < 0 ? -errno : 0;
}

int64_t probe_receive(int socket, void *answer, size_t capacity, uint32_t deadline) {
  struct pollfd wait = {.fd = socket, .events = POLLIN};
  int ready;
  do ready = poll(&wait, 1, (int)deadline);
  while (ready < 0 && errno == EINTR);
  if (ready < 0) return -errno;
  if (ready == 0) return -ETIMEDOUT;
  // MSG_TRUNC: the datagram's true length, so that one that is too long is noticed.
  ssize_t received = recv(socket, answer, capacity, MSG_DONTWAIT | MSG_TRUNC);
  if (received < 0) return errno == ECONNRESET ? 0 : -errno;
  return (size_t)received > capacity ? -EMSGSIZE : received;
}
