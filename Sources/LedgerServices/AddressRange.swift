// AddressRange: addresses of the Internet and ranges of them, from text.
//
// Called by the conditions of policies. Parsed here and not by the system, so that what a policy
// means depends on no library. Invariant: any text gives an address, a range or nil, never a trap.

/// An address: IPv4 as its mapped form in IPv6 (RFC 4291, section 2.5.5.2).
struct InternetAddress: Hashable, Sendable {
  /// The number.
  let bits: UInt128
  private static let mapped = UInt128(0xFFFF) << 32

  /// Whether it is of IPv4.
  var isVersion4: Bool { bits >> 32 == 0xFFFF }

  /// Reads `192.0.2.1`, or IPv6 in any form of RFC 4291, section 2.2, without a zone.
  init?(_ text: some StringProtocol) {
    let bytes = Array(text.utf8)
    guard bytes.count <= 45 else { return nil }
    if bytes.contains(0x3A) {
      guard let bits = Self.version6(bytes) else { return nil }
      self.bits = bits
    } else {
      guard let number = Self.version4(bytes[...]) else { return nil }
      bits = Self.mapped | UInt128(number)
    }
  }

  /// Four decimal numbers of at most 255, none with a zero before it, which some read as octal.
  private static func version4(_ bytes: ArraySlice<UInt8>) -> UInt32? {
    let parts = bytes.split(separator: 0x2E, omittingEmptySubsequences: false)
    guard parts.count == 4 else { return nil }
    var number: UInt32 = 0
    for part in parts {
      guard let byte = decimal(part), byte <= 255 else { return nil }
      number = number << 8 | UInt32(byte)
    }
    return number
  }

  /// One to three digits.
  fileprivate static func decimal(_ digits: ArraySlice<UInt8>) -> Int? {
    guard (1...3).contains(digits.count), digits.allSatisfy({ 0x30...0x39 ~= $0 }),
      digits.count == 1 || digits.first != 0x30
    else { return nil }
    return digits.reduce(0) { $0 * 10 + Int($1 - 0x30) }
  }

  private static func version6(_ bytes: [UInt8]) -> UInt128? {
    var groups: [UInt16] = []
    var gap: Int?
    var rest = bytes[...]
    if rest.starts(with: [0x3A, 0x3A]) {
      gap = 0
      rest = rest.dropFirst(2)
    }
    while !rest.isEmpty {
      let part = rest.prefix { $0 != 0x3A }
      rest = rest.dropFirst(part.count)
      if part.contains(0x2E) {
        // Dotted numbers stand for the last two groups and nowhere else.
        guard rest.isEmpty, let number = version4(part) else { return nil }
        groups += [UInt16(number >> 16), UInt16(truncatingIfNeeded: number)]
        break
      }
      guard let group = hexadecimal(part) else { return nil }
      groups.append(group)
      guard !rest.isEmpty else { break }
      if rest.starts(with: [0x3A, 0x3A]) {
        guard gap == nil else { return nil }
        gap = groups.count
        rest = rest.dropFirst(2)
      } else {
        rest = rest.dropFirst()
        guard !rest.isEmpty else { return nil }
      }
    }
    if let gap {
      // The gap stands for at least one group.
      guard groups.count <= 7 else { return nil }
      groups.insert(contentsOf: Array(repeating: 0, count: 8 - groups.count), at: gap)
    }
    guard groups.count == 8 else { return nil }
    return groups.reduce(0) { $0 << 16 | UInt128($1) }
  }

  private static func hexadecimal(_ digits: ArraySlice<UInt8>) -> UInt16? {
    guard (1...4).contains(digits.count) else { return nil }
    var group: UInt16 = 0
    for digit in digits {
      let value: UInt8
      switch digit {
      case 0x30...0x39: value = digit - 0x30
      case 0x41...0x46: value = digit - 0x37
      case 0x61...0x66: value = digit - 0x57
      default: return nil
      }
      group = group << 4 | UInt16(value)
    }
    return group
  }
}

/// The addresses that begin alike: `192.0.2.0/24`, `2001:db8::/32`, or one address alone.
struct AddressRange: Hashable, Sendable {
  private let first: InternetAddress
  /// How many bits from the first on are all the same.
  private let length: Int

  /// Reads CIDR notation (RFC 4632, section 3.1); bits past the prefix are not looked at.
  init?(_ text: String) {
    let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
    guard let first = InternetAddress(parts[0]) else { return nil }
    self.first = first
    guard parts.count == 2 else {
      length = 128
      return
    }
    let isVersion4 = !parts[0].utf8.contains(0x3A)
    guard let length = InternetAddress.decimal(Array(parts[1].utf8)[...]),
      length <= (isVersion4 ? 32 : 128)
    else { return nil }
    self.length = isVersion4 ? 96 + length : length
  }

  /// Whether the address is one of them; one of IPv4 is in no wider range of IPv6.
  func contains(_ address: InternetAddress) -> Bool {
    guard first.isVersion4 == address.isVersion4 else { return false }
    return length == 0 || (first.bits ^ address.bits) >> (128 - length) == 0
  }
}
