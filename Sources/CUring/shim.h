// swift-system's CSystem module includes the kernel's <linux/io_uring.h> too. One program must not see two
// definitions of one struct, so both headers come first here: the kernel's in place of liburing's own copy
// (they share an include guard), and <sys/select.h> before liburing.h asks for _XOPEN_SOURCE.
#include <sys/select.h>
#include <linux/io_uring.h>
#include <liburing.h>
