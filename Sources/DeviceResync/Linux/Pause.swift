import Glibc

/// Lets `milliseconds` pass on the calling thread, so that a device that is short of something can recover.
package func pause(milliseconds: UInt32) {
  // An interruption (EINTR) only makes the pause shorter.
  _ = usleep(milliseconds * 1000)
}
