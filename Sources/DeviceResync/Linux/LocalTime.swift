import CLinux
import Glibc

/// How far this host's local time is ahead of UTC at a moment, in seconds (localtime_r(3), `TZ`, /etc/localtime).
///
/// - Parameter seconds: since 1970-01-01, midnight UTC.
public func localOffset(at seconds: Int64) -> Int64 { cl_local_offset(seconds) }

/// When this host was started, in microseconds since 1970-01-01, midnight UTC, as its clock stands now
/// (clock_gettime(2), `CLOCK_BOOTTIME`).
package func bootTime() -> Int64 {
  var passed = timespec()
  // Cannot fail for this clock and this memory.
  unsafe clock_gettime(CLOCK_BOOTTIME, &passed)
  return microsecondsSinceEpoch() - Int64(passed.tv_sec) * 1_000_000 - Int64(passed.tv_nsec) / 1000
}

/// The time of day, in microseconds since 1970-01-01, midnight UTC.
public func microsecondsSinceEpoch() -> Int64 { nanosecondsSinceEpoch() / 1000 }
