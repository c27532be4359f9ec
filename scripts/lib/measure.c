// Runs a command and tells what it cost; compiled and called by scripts/bench.
//
//   measure RESULT COMMAND [ARGUMENT...]
//
// Writes one line to RESULT: microseconds from fork to exit, microseconds of user and system time of the process
// and its children, peak resident KiB of the largest of them, microseconds of the kernel's workers meanwhile
// (schedstat; those of others too), exit status.
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1e6 + time.tv_nsec / 1e3;
}

static int read_line(const char *process, const char *name, char *line, int capacity) {
  char path[300];
  snprintf(path, sizeof path, "/proc/%s/%s", process, name);
  FILE *file = fopen(path, "re");
  if (!file) return 0;
  int found = fgets(line, capacity, file) != NULL;
  fclose(file);
  return found;
}

// Time on a processor of all kernel workers that there are, microseconds.
static double workers(void) {
  DIR *processes = opendir("/proc");
  double sum = 0, time;
  char line[200];
  for (struct dirent *entry; processes && (entry = readdir(processes));) {
    if (!isdigit(entry->d_name[0]) || !read_line(entry->d_name, "comm", line, sizeof line)) continue;
    if (strncmp(line, "kworker", 7) != 0) continue;
    if (read_line(entry->d_name, "schedstat", line, sizeof line) && sscanf(line, "%lf", &time) == 1) sum += time / 1e3;
  }
  if (processes) closedir(processes);
  return sum;
}

int main(int count, char **arguments) {
  if (count < 3) return 2;
  int result = open(arguments[1], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (result < 0) return perror(arguments[1]), 2;
  double workers_before = workers(), start = now();
  pid_t child = vfork(); // not fork: our own size must not count as the command's peak
  if (child == 0) {
    execvp(arguments[2], arguments + 2);
    _exit(127);
  }
  int status;
  struct rusage usage;
  if (child < 0 || wait4(child, &status, 0, &usage) < 0) return perror("cannot run the command"), 2;
  double wall = now() - start, worked = workers() - workers_before;
  double processor = (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e6 + usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
  dprintf(result, "%.0f %.0f %ld %.0f %d\n", wall, processor, usage.ru_maxrss, worked < 0 ? 0 : worked,
          WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
  return 0;
}
