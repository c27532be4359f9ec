// A child of the helper: one device. First everything that opens or asks the kernel, then the sandbox, then
// libblkid over the guest's bytes.
#define _GNU_SOURCE
#include "record.h"

#include <blkid/blkid.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

_Noreturn static void end(struct probe_answer *answer, enum probe_outcome outcome, int error) {
  answer->head.outcome = (uint8_t)outcome;
  answer->head.detail = error;
  _exit(0);
}

/// Opens the device again, for a file position and flags of our own. Unbuffered where its file system can.
static int reopen(int descriptor, mode_t kind) {
  // The descriptor's number is always the same: see helper.c.
  const char *path = "/proc/self/fd/3";
  (void)descriptor;
  int flags = O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY;
  int result = open(path, flags | O_DIRECT);
  // Not for a block device: its buffered reader, killed while it hangs, blocks every later open for good.
  if (result < 0 && errno == EINVAL && S_ISREG(kind)) result = open(path, flags);
  return result;
}

/// Reads the first 4 KiB of the range without the page cache: a device that hangs, hangs here.
static ssize_t first_read(int device, uint64_t offset, struct probe_head *head) {
  static _Alignas(4096) uint8_t block[2 * probe_start_capacity];
  // Partitions start at any sector, direct reads at a logical block: from the 4 KiB before it, and one more.
  uint64_t start = offset & ~(uint64_t)(probe_start_capacity - 1);
  size_t skip = offset - start;
  ssize_t count = pread(device, block, skip == 0 ? sizeof block / 2 : sizeof block, (off_t)start);
  if (count < 0) return count;
  size_t found = (size_t)count > skip ? (size_t)count - skip : 0;
  if (found > probe_start_capacity) found = probe_start_capacity;
  if (found > head->size) found = head->size;
  memcpy(head->start, block + skip, found);
  head->start_length = (uint16_t)found;
  return count;
}

/// The last bytes of the range, through the page cache: they lie at any byte of an image.
static void last_read(int device, uint64_t offset, struct probe_head *head) {
  uint64_t length = head->size < probe_end_capacity ? head->size : probe_end_capacity;
  ssize_t count = pread(device, head->end, length, (off_t)(offset + head->size - length));
  head->end_length = count == (ssize_t)length ? (uint16_t)length : 0;
}

/// What the kernel says of the device's blocks; nothing for a regular file. Source: <linux/fs.h>.
static void topology(int device, struct probe_head *head) {
  int logical = 0, alignment = 0;
  unsigned int physical = 0, minimum = 0, optimal = 0;
  if (ioctl(device, BLKSSZGET, &logical) != 0 || ioctl(device, BLKPBSZGET, &physical) != 0 ||
      ioctl(device, BLKIOMIN, &minimum) != 0 || ioctl(device, BLKIOOPT, &optimal) != 0 ||
      ioctl(device, BLKALIGNOFF, &alignment) != 0)
    return;
  head->logical_block = (uint32_t)logical;
  head->physical_block = physical;
  head->minimum_io = minimum;
  head->optimal_io = optimal;
  head->alignment_offset = alignment;
}

/// Size of the whole device or file, in bytes. Returns 0 or an errno.
static int whole_size(int device, mode_t kind, uint64_t *size) {
  struct stat status;
  if (S_ISBLK(kind)) return ioctl(device, BLKGETSIZE64, size) == 0 ? 0 : errno;
  if (fstat(device, &status) != 0) return errno;
  *size = (uint64_t)status.st_size;
  return 0;
}

/// A probe over the range, with all that it would otherwise ask the kernel later.
static blkid_probe new_probe(int device, const struct probe_request *request, uint64_t size) {
  blkid_probe blkid = blkid_new_probe();
  if (blkid == NULL) return NULL;
  if (blkid_probe_set_device(blkid, device, (blkid_loff_t)request->offset, (blkid_loff_t)size) != 0) {
    blkid_free_probe(blkid);
    return NULL;
  }
  // The RAID probers ask; the answer comes from sysfs and is kept.
  (void)blkid_probe_is_wholedisk(blkid);
  return blkid;
}

_Noreturn void probe_child(pid_t helper, const struct probe_request *request, int descriptor,
                           struct probe_answer *answer, const struct probe_variation *variation) {
  struct probe_head *head = &answer->head;
  struct stat status;
  int error = probe_end_with(helper);
  if (error < 0) end(answer, probe_outcome_no_sandbox, -error);
  if (fstat(descriptor, &status) != 0) end(answer, probe_outcome_unfit, errno);
  if (!S_ISBLK(status.st_mode) && !S_ISREG(status.st_mode)) end(answer, probe_outcome_unfit, ENOTBLK);
  int device = reopen(descriptor, status.st_mode);
  if (device < 0) end(answer, probe_outcome_unreadable, errno);
  close(descriptor);
  uint64_t whole = 0;
  error = whole_size(device, status.st_mode, &whole);
  if (error != 0) end(answer, probe_outcome_unreadable, error);
  if (request->offset > whole || request->size > whole - request->offset)
    end(answer, probe_outcome_unfit, ERANGE);
  head->size = request->size == 0 ? whole - request->offset : request->size;
  if (S_ISBLK(status.st_mode)) topology(device, head);
  if (head->size == 0) end(answer, probe_outcome_probed, 0); // nothing there, and that is known
  if (variation->before_first_read != NULL) variation->before_first_read(device);
  if (first_read(device, request->offset, head) < 0) end(answer, probe_outcome_unreadable, errno);
  answer->answered = probe_now();
  if (fcntl(device, F_SETFL, O_NONBLOCK) != 0) end(answer, probe_outcome_failed, errno);
  last_read(device, request->offset, head);
  errno = ENOMEM;
  blkid_probe blkid = new_probe(device, request, head->size);
  if (blkid == NULL) end(answer, probe_outcome_failed, errno);
  error = probe_sandbox(helper, variation->cpu_seconds, &head->landlock);
  if (error < 0) end(answer, probe_outcome_no_sandbox, -error);
  // ---- from here on nothing is opened, and the bytes are the guest's
  error = variation->before_libblkid == NULL ? -1 : variation->before_libblkid(device);
  error = error < 0 ? probe_content(blkid, answer) : -error;
  end(answer, error == 0 ? probe_outcome_probed : probe_outcome_failed, -error);
}
