// What libblkid makes of the bytes, as records. Runs inside the sandbox.
#include "record.h"

#include <blkid/blkid.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static uint16_t copy_text(char *bytes, size_t capacity, const char *text) {
  if (text == NULL) return 0;
  size_t count = strnlen(text, capacity);
  memcpy(bytes, text, count);
  return (uint16_t)count;
}
#define COPY_TEXT(field, text) ((field).length = copy_text((field).bytes, sizeof(field).bytes, text))

/// A value of the signature that was found last, or NULL.
static const char *value(blkid_probe blkid, const char *name) {
  const char *text = NULL;
  return blkid_probe_lookup_value(blkid, name, &text, NULL) == 0 ? text : NULL;
}

/// Every superblock that there is, not the first alone: what was left over from before is worth knowing.
static int signatures(blkid_probe blkid, struct probe_answer *answer) {
  blkid_probe_enable_superblocks(blkid, 1);
  blkid_probe_set_superblocks_flags(blkid, BLKID_SUBLKS_TYPE | BLKID_SUBLKS_USAGE | BLKID_SUBLKS_UUID |
                                               BLKID_SUBLKS_LABEL | BLKID_SUBLKS_VERSION |
                                               BLKID_SUBLKS_MAGIC);
  while (answer->head.signature_count < probe_max_signatures) {
    errno = EIO;
    int result = blkid_do_probe(blkid);
    if (result == 1) break;
    if (result != 0) return -errno;
    const char *type = value(blkid, "TYPE");
    if (type == NULL) continue;
    struct probe_signature *found = &answer->signatures[answer->head.signature_count++];
    const char *offset = value(blkid, "SBMAGIC_OFFSET");
    COPY_TEXT(found->type, type);
    COPY_TEXT(found->usage, value(blkid, "USAGE"));
    COPY_TEXT(found->uuid, value(blkid, "UUID"));
    COPY_TEXT(found->label, value(blkid, "LABEL"));
    COPY_TEXT(found->version, value(blkid, "VERSION"));
    found->offset = offset == NULL ? 0 : strtoull(offset, NULL, 10);
  }
  return 0;
}

/// One entry. False where its bytes cannot be counted in 64 bits.
static bool partition(blkid_partition entry, struct probe_partition *found) {
  blkid_loff_t start = blkid_partition_get_start(entry), size = blkid_partition_get_size(entry);
  uint64_t first, length, end;
  // libblkid counts in 512-byte sectors, whatever the device's are.
  if (start < 0 || size < 0 || __builtin_mul_overflow((uint64_t)start, 512, &first) ||
      __builtin_mul_overflow((uint64_t)size, 512, &length) || __builtin_add_overflow(first, length, &end))
    return false;
  found->start = first;
  found->size = length;
  int number = blkid_partition_get_partno(entry);
  found->number = number < 0 ? 0 : (uint32_t)number;
  found->flags = blkid_partition_get_flags(entry);
  found->is_extended = blkid_partition_is_extended(entry) != 0;
  const char *type = blkid_partition_get_type_string(entry);
  char code[] = "0x00";
  if (type == NULL) { // a DOS table: one byte
    const char digits[] = "0123456789abcdef";
    unsigned int byte = (unsigned int)blkid_partition_get_type(entry) & 0xff;
    code[2] = digits[byte >> 4];
    code[3] = digits[byte & 0xf];
    type = code;
  }
  COPY_TEXT(found->type, type);
  COPY_TEXT(found->name, blkid_partition_get_name(entry));
  COPY_TEXT(found->uuid, blkid_partition_get_uuid(entry));
  return true;
}

static void table(blkid_probe blkid, struct probe_answer *answer) {
  struct probe_head *head = &answer->head;
  blkid_partlist list = blkid_probe_get_partitions(blkid);
  blkid_parttable found = list == NULL ? NULL : blkid_partlist_get_table(list);
  if (found == NULL) return;
  head->has_table = 1;
  COPY_TEXT(head->table_type, blkid_parttable_get_type(found));
  COPY_TEXT(head->table_id, blkid_parttable_get_id(found));
  int count = blkid_partlist_numof_partitions(list);
  for (int index = 0; index < count; index++) {
    blkid_partition entry = blkid_partlist_get_partition(list, index);
    if (head->partition_count < probe_max_partitions && entry != NULL &&
        partition(entry, &answer->partitions[head->partition_count]))
      head->partition_count++;
    else
      head->partitions_left_out++;
  }
}

int probe_content(void *blkid, struct probe_answer *answer) {
  int result = signatures(blkid, answer);
  if (result == 0) table(blkid, answer);
  return result;
}
