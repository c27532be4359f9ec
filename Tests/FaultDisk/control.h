// The file `ctl`: a line that is written to it is a command, what is read from it is the last one's answer.
#ifndef FAULT_DISK_CONTROL_H
#define FAULT_DISK_CONTROL_H

#include <stddef.h>

/// Carries out each line. Returns 0 or a negative errno: EINVAL where a line is no command.
int control_write(const char *text, size_t length);
/// The last command's answer.
const char *control_answer(size_t *length);

#endif
