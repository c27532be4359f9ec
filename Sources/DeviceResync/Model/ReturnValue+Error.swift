public import SystemPackage

// The one map from errors to return values (PITFALLS, appendix A; the kernel's side: block/blk-core.c,
// `blk_errors`). An errno that is not named here is 32768, with its name in the message.

extension ResyncError {
  /// The return value that this error ends a run with.
  public var returnValue: ReturnValue {
    switch cause {
    case .kernel(let errno, let moment): ReturnValue(errno, moment)
    case .invalidParameter: .invalidParameter
    case .incorrectDataType: .incorrectDataType
    case .accessDenied: .accessDenied
    case .notSupported: .notSupported
    case .statusUnknown: .statusUnknown
    case .inUse: .systemInUse
    case .invalidState: .invalidState
    case .replaced: .systemNotAvailable
    case .timedOut: .timeout
    case .foreignWrite, .mismatch, .incomplete, .terminated: .failed
    }
  }
}

extension ReturnValue {
  /// The value for an errno that the kernel gave at `moment`.
  public init(_ errno: Errno, _ moment: ResyncError.Moment) {
    self =
      switch errno {
      case .notPermitted, .permissionDenied, .readOnlyFileSystem: .accessDenied
      case .operationNotSupportedByDevice, .noSuchAddressOrDevice, .noMedium, .noLink: .systemNotAvailable
      case .timedOut, .timerExpired: .timeout
      case .reservationConflict: .systemInUse
      case .noMemory: moment == .transfer ? .failed : .outOfMemory
      case .resourceBusy: moment == .transfer ? .failed : .systemInUse
      case .noSuchFileOrDirectory, .notDirectory, .fileNameTooLong:
        moment == .open ? .fileNotFound : .failed
      case .tooManySymbolicLinkLevels: moment == .open ? .invalidParameter : .failed
      case .notSupported, .noFunction, .invalidArgument, .tooManyReferences, .overflow: .notSupported
      default: .failed
      }
  }
}

extension Errno {
  // What SystemPackage has no name for on Linux. Source: asm-generic/errno.h.
  static let timerExpired = Errno(rawValue: 62)  // ETIME
  static let remoteIO = Errno(rawValue: 121)  // EREMOTEIO
  static let noMedium = Errno(rawValue: 123)  // ENOMEDIUM
  static let reservationConflict = Errno(rawValue: 52)  // EBADE
  static let remoteChanged = Errno(rawValue: 78)  // EREMCHG
}
