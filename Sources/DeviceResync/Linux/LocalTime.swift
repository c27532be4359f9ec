import CLinux

/// How far this host's local time is ahead of UTC at a moment, in seconds (localtime_r(3), `TZ`, /etc/localtime).
///
/// - Parameter seconds: since 1970-01-01, midnight UTC.
public func localOffset(at seconds: Int64) -> Int64 { cl_local_offset(seconds) }

/// The time of day, in microseconds since 1970-01-01, midnight UTC.
public func microsecondsSinceEpoch() -> Int64 { nanosecondsSinceEpoch() / 1000 }
