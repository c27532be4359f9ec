// How a helper is told from an ordinary start.
#ifndef VMRESYNC_CPROBE_MARKER_H
#define VMRESYNC_CPROBE_MARKER_H

/// The helper's argv[0], and its only argument: no command line gives it by mistake, and ps(1) shows it.
#define probe_helper_name "vmresync: probing helper"

enum {
  /// The helper's end of the socket.
  probe_helper_socket = 3,
};

#endif
