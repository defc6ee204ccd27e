// Reading JSON numbers.
//
// Called by `JSONParser` at a minus sign or digit. Invariant: a number comes out as the nearest
// double, or as the exact integer when every JSON reader would have it exact.

extension JSONParser {
  /// The longest number read, in bytes; the shortest exact text of a double is well below it.
  private static let numberBytesMax = 1024

  /// The largest magnitude of an `integer`: 2⁵³ − 1.
  static let integerMax: Int64 = (1 << 53) - 1

  /// The number that begins under the cursor.
  mutating func number() throws(JSONError) -> JSONValue {
    let start = offset
    if current == UInt8(ascii: "-") { offset &+= 1 }
    let first = offset
    try digits()
    guard offset == first &+ 1 || bytes[first] != UInt8(ascii: "0") else {
      throw JSONError(.invalidNumber, at: start)
    }
    let end = offset
    if current == UInt8(ascii: ".") {
      offset &+= 1
      try digits()
    }
    if current == UInt8(ascii: "e") || current == UInt8(ascii: "E") {
      offset &+= 1
      if current == UInt8(ascii: "+") || current == UInt8(ascii: "-") { offset &+= 1 }
      try digits()
    }
    guard offset &- start <= Self.numberBytesMax else {
      throw JSONError(.invalidNumber, at: start)
    }
    if offset == end, let integer = integer(bytes[first..<end], isNegative: first != start) {
      return .integer(integer)
    }
    return .double(try double(bytes[start..<offset], from: start))
  }

  /// Steps over one or more digits.
  private mutating func digits() throws(JSONError) {
    let start = offset
    while let byte = current, UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte { offset &+= 1 }
    guard offset != start else {
      throw current == nil ? unexpected() : JSONError(.invalidNumber, at: start)
    }
  }

  /// The exact value of `digits`; nil if its magnitude is above `integerMax`.
  private func integer(_ digits: ArraySlice<UInt8>, isNegative: Bool) -> Int64? {
    guard digits.count <= 16 else { return nil }
    var value: Int64 = 0
    for digit in digits { value = value &* 10 &+ Int64(digit &- UInt8(ascii: "0")) }
    guard value <= Self.integerMax else { return nil }
    return isNegative ? -value : value
  }

  private func double(_ text: ArraySlice<UInt8>, from start: Int) throws(JSONError) -> Double {
    guard let value = Double(String(decoding: text, as: UTF8.self)) else {
      throw JSONError(.invalidNumber, at: start)
    }
    guard value.isFinite else { throw JSONError(.numberOutOfRange, at: start) }
    return value
  }
}
