/// `12.5 %`, `0 %`, `less than 0.1 %`: how much `part` is of `whole`.
///
/// - Parameter digits: after the point.
func percentage(_ part: UInt64, of whole: UInt64, digits: Int = 1) -> String {
  guard part > 0, whole > 0 else { return "0 %" }
  let unit = (0..<digits).reduce(1.0) { unit, _ in unit * 10 }
  let percent = Double(part) / Double(whole) * 100
  return percent < 1 / unit ? "less than \(1 / unit) %" : "\((percent * unit).rounded() / unit) %"
}
