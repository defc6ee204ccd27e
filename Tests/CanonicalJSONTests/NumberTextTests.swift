// Numbers as ECMAScript prints them: the table of RFC 8785, appendix B.

import CanonicalJSON
import Testing

@Suite struct NumberTextTests {
  @Test(
    arguments: [
      (0x0000_0000_0000_0000, "0"), (0x8000_0000_0000_0000, "0"),
      (0x0000_0000_0000_0001, "5e-324"), (0x8000_0000_0000_0001, "-5e-324"),
      (0x7fef_ffff_ffff_ffff, "1.7976931348623157e+308"),
      (0xffef_ffff_ffff_ffff, "-1.7976931348623157e+308"),
      (0x4340_0000_0000_0000, "9007199254740992"), (0xc340_0000_0000_0000, "-9007199254740992"),
      (0x4430_0000_0000_0000, "295147905179352830000"),
      (0x44b5_2d02_c7e1_4af5, "9.999999999999997e+22"), (0x44b5_2d02_c7e1_4af6, "1e+23"),
      (0x44b5_2d02_c7e1_4af7, "1.0000000000000001e+23"),
      (0x444b_1ae4_d6e2_ef4e, "999999999999999700000"),
      (0x444b_1ae4_d6e2_ef4f, "999999999999999900000"), (0x444b_1ae4_d6e2_ef50, "1e+21"),
      (0x3eb0_c6f7_a0b5_ed8c, "9.999999999999997e-7"), (0x3eb0_c6f7_a0b5_ed8d, "0.000001"),
      (0x41b3_de43_5555_5553, "333333333.3333332"), (0x41b3_de43_5555_5554, "333333333.33333325"),
      (0x41b3_de43_5555_5555, "333333333.3333333"), (0x41b3_de43_5555_5556, "333333333.3333334"),
      (0x41b3_de43_5555_5557, "333333333.33333343"),
      (0xbecb_f647_612f_3696, "-0.0000033333333333333333"),
      (0x4314_3ff3_c1cb_0959, "1424953923781206.2"),
    ] as [(UInt64, String)])
  func `a double has the text of RFC 8785 appendix B`(_ bits: UInt64, _ text: String) {
    #expect(JSONValue.double(Double(bitPattern: bits)).description == text)
  }

  @Test(arguments: [
    (1e-7, "1e-7"), (1.5e-7, "1.5e-7"), (0.1, "0.1"), (-0.000123, "-0.000123"), (1, "1"),
    (100, "100"), (123.456, "123.456"), (1e20, "100000000000000000000"), (1e100, "1e+100"),
    (1.5e300, "1.5e+300"), (1.2345678901234568e20, "123456789012345680000"), (10, "10"),
  ])
  func `a double is laid out by its magnitude`(_ value: Double, _ text: String) {
    #expect(JSONValue.double(value).description == text)
  }

  @Test func `a number that is not finite stops the writer`() async {
    await #expect(processExitsWith: .failure) {
      _ = JSONValue.double(.nan).canonicalBytes()
    }
  }
}
