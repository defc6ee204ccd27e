// Numbers as ECMAScript prints them.
//
// Called by `JSONWriter`. Takes the shortest digits that read back as the same double from
// Swift's own printing and lays them out by the rules of ECMAScript Number::toString, which RFC
// 8785, section 3.2.2.3, prescribes. Invariant: one text for each double.

enum NumberText {
  /// Appends the text of a finite number.
  static func append(_ value: Double, to bytes: inout [UInt8]) {
    guard value != 0 else {
      bytes.append(UInt8(ascii: "0"))
      return
    }
    if value < 0 { bytes.append(UInt8(ascii: "-")) }
    let decimal = Decimal(value.magnitude)
    let digits = decimal.digits
    let point = decimal.point
    switch point {
    case digits.count...21 where digits.count <= 21:
      bytes.append(contentsOf: digits)
      appendZeros(point &- digits.count, to: &bytes)
    case 1...21:
      bytes.append(contentsOf: digits.prefix(point))
      bytes.append(UInt8(ascii: "."))
      bytes.append(contentsOf: digits.dropFirst(point))
    case -5...0:
      bytes.append(contentsOf: [UInt8(ascii: "0"), UInt8(ascii: ".")])
      appendZeros(-point, to: &bytes)
      bytes.append(contentsOf: digits)
    default:
      bytes.append(contentsOf: digits.prefix(1))
      if digits.count > 1 { bytes.append(UInt8(ascii: ".")) }
      bytes.append(contentsOf: digits.dropFirst())
      bytes.append(UInt8(ascii: "e"))
      bytes.append(point > 0 ? UInt8(ascii: "+") : UInt8(ascii: "-"))
      bytes.append(contentsOf: (point &- 1).magnitude.description.utf8)
    }
  }

  private static func appendZeros(_ count: Int, to bytes: inout [UInt8]) {
    bytes.append(contentsOf: repeatElement(UInt8(ascii: "0"), count: count))
  }

  /// A positive number as 0.d₁d₂d₃… × 10^point, without zeros at either end of its digits.
  private struct Decimal {
    var digits: [UInt8] = []
    var point = 0

    /// Takes apart Swift's text of `value`: digits, perhaps a point, perhaps an exponent.
    init(_ value: Double) {
      var pointSeen = false
      var exponentText: [UInt8] = []
      var isInExponent = false
      for byte in value.description.utf8 {
        switch byte {
        case UInt8(ascii: "."): pointSeen = true
        case UInt8(ascii: "e"): isInExponent = true
        case _ where isInExponent: exponentText.append(byte)
        default:
          if !pointSeen { point &+= 1 }
          digits.append(byte)
        }
      }
      let leading = digits.prefix { $0 == UInt8(ascii: "0") }.count
      digits.removeFirst(leading)
      point &-= leading
      while digits.last == UInt8(ascii: "0") { digits.removeLast() }
      point &+= Int(String(decoding: exponentText, as: UTF8.self)) ?? 0
    }
  }
}
