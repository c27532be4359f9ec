// The helper process: takes requests, forks a child for each, two at a time, and answers. It touches no device.
#define _GNU_SOURCE
#include "marker.h"
#include "record.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
  slot_count = 2,
  /// How long a killed child may take to go, in milliseconds, before it is left to itself (state D).
  kill_patience = 100,
};

/// One child at work, or none.
struct slot {
  pid_t child; // 0: free
  int process; // its pidfd
  int64_t started;
  struct probe_request request;
  struct probe_answer *answer;
};

static bool can_enter = false;

int64_t probe_now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

/// Takes one request and its descriptor. Returns the descriptor; anything unexpected is the client's end.
static int receive(struct probe_request *request) {
  union {
    struct cmsghdr header;
    char room[CMSG_SPACE(sizeof(int))];
  } control;
  struct iovec part = {.iov_base = request, .iov_len = sizeof *request};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control,
                           .msg_controllen = sizeof control};
  ssize_t received;
  do received = recvmsg(probe_helper_socket, &message, MSG_CMSG_CLOEXEC);
  while (received < 0 && errno == EINTR);
  struct cmsghdr *header = CMSG_FIRSTHDR(&message);
  if (received != sizeof *request || request->magic != probe_magic || header == NULL ||
      header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS ||
      header->cmsg_len != CMSG_LEN(sizeof(int)))
    return -1;
  int descriptor;
  memcpy(&descriptor, CMSG_DATA(header), sizeof descriptor);
  return descriptor;
}

/// Sends the slot's answer and frees the slot. What libblkid found counts only in a child that ended well; the
/// first and last bytes were read before it began.
static bool finish(struct slot *slot, enum probe_outcome outcome, int32_t detail) {
  if (slot->process >= 0) close(slot->process);
  struct probe_head *head = &slot->answer->head;
  head->magic = probe_magic;
  head->id = slot->request.id;
  head->outcome = (uint8_t)outcome;
  head->detail = detail;
  if (outcome != probe_outcome_probed) {
    head->signature_count = head->partition_count = head->has_table = 0;
    head->partitions_left_out = 0;
    memset(&head->table_type, 0, sizeof head->table_type);
    memset(&head->table_id, 0, sizeof head->table_id);
  }
  if (head->signature_count > probe_max_signatures) head->signature_count = probe_max_signatures;
  if (head->partition_count > probe_max_partitions) head->partition_count = probe_max_partitions;
  struct iovec parts[] = {
      {.iov_base = head, .iov_len = sizeof *head},
      {.iov_base = slot->answer->signatures,
       .iov_len = head->signature_count * sizeof slot->answer->signatures[0]},
      {.iov_base = slot->answer->partitions,
       .iov_len = head->partition_count * sizeof slot->answer->partitions[0]},
  };
  struct msghdr message = {.msg_iov = parts, .msg_iovlen = 3};
  ssize_t sent;
  do sent = sendmsg(probe_helper_socket, &message, MSG_NOSIGNAL);
  while (sent < 0 && errno == EINTR);
  slot->child = 0;
  slot->process = -1;
  return sent >= 0;
}

/// Forks the slot's child.
static bool start(struct slot *slot, int descriptor, const struct probe_variation *variation) {
  memset(slot->answer, 0, sizeof *slot->answer);
  slot->started = probe_now();
  slot->process = -1;
  pid_t helper = getpid(), child = fork();
  if (child == 0) {
    // The device takes the socket's place; the client's end of file must not wait for a child.
    if (dup2(descriptor, probe_helper_socket) < 0) _exit(1);
    close_range(probe_helper_socket + 1, ~0u, 0);
    probe_child(helper, &slot->request, probe_helper_socket, slot->answer, variation);
  }
  int error = errno;
  close(descriptor);
  if (child < 0) return finish(slot, probe_outcome_no_sandbox, error);
  slot->child = child;
  slot->process = pidfd_open(child, 0);
  if (slot->process >= 0) return true;
  error = errno;
  kill(child, SIGKILL);
  return finish(slot, probe_outcome_no_sandbox, error);
}

/// Answers for a child that has ended.
static bool reap(struct slot *slot) {
  int status = 0;
  if (waitpid(slot->child, &status, 0) != slot->child) return finish(slot, probe_outcome_failed, ECHILD);
  if (WIFSIGNALED(status)) return finish(slot, probe_outcome_killed, WTERMSIG(status));
  // The child's word, within what the outcome's type holds; it is believed only for its own device.
  uint8_t outcome = slot->answer->head.outcome;
  if (WEXITSTATUS(status) != 0) return finish(slot, probe_outcome_failed, EPROTO);
  if (outcome > probe_outcome_failed) outcome = probe_outcome_failed;
  return finish(slot, (enum probe_outcome)outcome, slot->answer->head.detail);
}

/// When the slot's child must be done with what it does, in probe_now()'s milliseconds.
static int64_t deadline(const struct slot *slot) {
  int64_t latest = slot->started + slot->request.answer_deadline;
  int64_t answered = slot->answer->answered;
  if (answered == 0) return latest;
  return (answered < latest ? answered : latest) + slot->request.probe_deadline;
}

/// How long to wait before a look at the slot, in milliseconds: no child says when its first read came back.
static int64_t patience(const struct slot *slot, int64_t moment) {
  int64_t left = deadline(slot) - moment;
  if (slot->answer->answered == 0 && slot->request.probe_deadline < left) left = slot->request.probe_deadline;
  return left < 0 ? 0 : left;
}

/// Kills a child that took too long. In state D it stays until its device answers; it will never run again.
static bool give_up(struct slot *slot) {
  bool has_answered = slot->answer->answered != 0;
  kill(slot->child, SIGKILL);
  struct pollfd wait = {.fd = slot->process, .events = POLLIN};
  if (poll(&wait, 1, kill_patience) == 1) waitpid(slot->child, NULL, 0);
  return finish(slot, has_answered ? probe_outcome_timed_out : probe_outcome_no_answer, 0);
}

/// One turn: waits for a request, a child's end or a deadline. False when the client is gone.
static bool turn(struct slot slots[slot_count], const struct probe_variation *variation) {
  struct pollfd waits[1 + slot_count] = {{.fd = probe_helper_socket}};
  int64_t wait = -1, moment = probe_now();
  for (int index = 0; index < slot_count; index++) {
    struct slot *slot = &slots[index];
    waits[1 + index] = (struct pollfd){.fd = slot->child ? slot->process : -1, .events = POLLIN};
    // Without POLLIN only the hang-up of the client is waited for, while no slot is free.
    if (slot->child == 0) waits[0].events = POLLIN;
    if (slot->child == 0) continue;
    int64_t left = patience(slot, moment);
    if (wait < 0 || left < wait) wait = left;
  }
  if (poll(waits, 1 + slot_count, wait > 600000 ? 600000 : (int)wait) < 0) return errno == EINTR;
  if (waits[0].revents & (POLLHUP | POLLERR | POLLNVAL)) return false;
  moment = probe_now();
  for (int index = 0; index < slot_count; index++) {
    struct slot *slot = &slots[index];
    if (slot->child == 0) continue;
    if (waits[1 + index].revents != 0) {
      if (!reap(slot)) return false;
    } else if (moment >= deadline(slot)) {
      if (!give_up(slot)) return false;
    }
  }
  if (!(waits[0].revents & POLLIN)) return true;
  struct slot *slot = &slots[0];
  while (slot->child != 0) slot++; // POLLIN was asked for: one was free
  int descriptor = receive(&slot->request);
  return descriptor >= 0 && start(slot, descriptor, variation);
}

_Noreturn static void serve(const struct probe_variation *variation) {
  int type = 0;
  socklen_t size = sizeof type;
  if (getsockopt(probe_helper_socket, SOL_SOCKET, SO_TYPE, &type, &size) != 0 || type != SOCK_SEQPACKET)
    _exit(1);
  // The Swift runtime's handlers would fork a backtracer for a guest's crash.
  for (int number = 1; number <= SIGRTMAX; number++) signal(number, SIG_DFL);
  // The end of file on the socket tells of the client's end as well, unless a copy of its end lives elsewhere.
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  prctl(PR_SET_DUMPABLE, 0);
  setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
  // Whole answers fit, whatever net.core.wmem_default says.
  int room = 4 * probe_answer_capacity;
  setsockopt(probe_helper_socket, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof room);
  struct slot slots[slot_count] = {0};
  for (int index = 0; index < slot_count; index++) {
    slots[index].process = -1;
    slots[index].answer = mmap(NULL, sizeof(struct probe_answer), PROT_READ | PROT_WRITE,
                               MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (slots[index].answer == MAP_FAILED) _exit(1);
  }
  while (turn(slots, variation)) {}
  for (int index = 0; index < slot_count; index++)
    if (slots[index].child != 0) kill(slots[index].child, SIGKILL);
  _exit(0);
}

void probe_helper_enter_varied(int argc, char **argv, const struct probe_variation *variation) {
  can_enter = true;
  if (argc == 1 && strcmp(argv[0], probe_helper_name) == 0) serve(variation);
}

void probe_helper_enter(int argc, char **argv) {
  static const struct probe_variation product = {.cpu_seconds = 5};
  probe_helper_enter_varied(argc, argv, &product);
}

bool probe_helper_can_enter(void) { return can_enter; }
