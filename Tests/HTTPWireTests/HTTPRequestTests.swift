// Paths, queries and forms.

import HTTPWire
import Testing

@Suite struct HTTPRequestTests {
  @Test(arguments: [
    ("/", []), ("/a", ["a"]), ("/a/b%20c/%C3%A9", ["a", "b c", "é"]), ("/a%252Fb", ["a%2Fb"]),
    ("/a+b/...", ["a+b", "..."]), ("/%25", ["%"]), ("/a?b/c", ["a"]),
  ])
  func `segments are split and then decoded once`(_ target: String, _ segments: [String]) throws {
    #expect(try HTTPRequest(method: "GET", target: target).pathSegments() == segments)
  }

  @Test(arguments: [
    "//", "/a/", "//a", "/a//b", "/.", "/a/..", "/%2e", "/%2E%2e/a", "/.%2e", "/a%2Fb", "/%2f",
    "/%00",
    "/a%0Ab", "/%7F", "/%1f", "/%", "/%2", "/%zz", "/%C3", "/%C0%AF", "/%ED%A0%80", "*", "",
  ])
  func `segments that could reach another route are refused`(_ target: String) {
    #expect(throws: HTTPRefusal(.invalidPathSegment)) {
      try HTTPRequest(method: "GET", target: target).pathSegments()
    }
  }

  @Test func `an encoded slash that is kept stays inside its segment`() throws {
    let request = HTTPRequest(method: "GET", target: "/a%2Fb/%2F..%2f/c")
    #expect(try request.pathSegments(encodedSlash: .kept) == ["a/b", "/../", "c"])
    #expect(throws: HTTPRefusal(.invalidPathSegment)) {
      try HTTPRequest(method: "GET", target: "/a//b").pathSegments(encodedSlash: .kept)
    }
  }

  @Test func `a long segment is refused with its limit`() throws {
    let request = HTTPRequest(method: "GET", target: "/" + String(repeating: "%41", count: 256))
    #expect(try request.pathSegments().first?.utf8.count == 256)
    #expect(throws: HTTPRefusal(.pathSegmentTooLong(limitBytes: 255))) {
      try request.pathSegments(segmentBytesMax: 255)
    }
  }

  @Test(arguments: [
    ("/", []), ("/?", []), ("/?a", ["a="]), ("/?a=", ["a="]), ("/?a=b&a=c", ["a=b", "a=c"]),
    ("/?a+b=%2B&&%C3%A9=1=2", ["a b=+", "é=1=2"]), ("/?=x", ["=x"]),
  ])
  func `a query is form-decoded in order`(_ target: String, _ items: [String]) throws {
    let request = HTTPRequest(method: "GET", target: target)
    #expect(try request.queryItems().map { "\($0.name)=\($0.value)" } == items)
  }

  @Test(arguments: ["%", "a=%2", "%zz=1", "a=%FF", "a=%00"])
  func `a badly encoded query or form is refused`(_ text: String) {
    #expect(throws: HTTPRefusal(.invalidForm)) {
      try HTTPRequest(method: "GET", target: "/?" + text).queryItems()
    }
    #expect(throws: HTTPRefusal(.invalidForm)) {
      try HTTPRequest(method: "POST", target: "/", body: Array(text.utf8)).formItems()
    }
  }

  @Test func `a form is decoded as a query is`() throws {
    let request = HTTPRequest(method: "POST", target: "/", body: Array("Action=List&x=a+b".utf8))
    #expect(try request.formItems().map(\.value) == ["List", "a b"])
  }
}
