// What the server writes about itself, whole and cut short.

import Testing

@testable import PostgresCluster

@Suite struct PostmasterFileTests {
  private let text = """
    4242
    /data
    1700000000
    5432
    /data/socket

      5432001    196612
    ready   

    """

  @Test func `a complete file is read`() throws {
    let file = try #require(PostmasterFile(text))
    #expect(file.processID == 4_242)
    #expect(file.port == 5_432)
    #expect(file.socketDirectory == "/data/socket")
    #expect(file.isReady)
  }

  @Test func `a file cut short is never ready`() {
    for length in 0..<(text.utf8.count - 9) {
      let file = PostmasterFile(String(text.prefix(length)))
      #expect(file?.isReady != true)
    }
  }

  @Test(arguments: ["starting", "stopping", "standby "])
  func `a server in another state is not ready`(_ state: String) throws {
    let other = text.replacing("ready   ", with: state)
    #expect(try #require(PostmasterFile(other)).isReady == false)
  }

  @Test(arguments: [
    "", "x", "-1\n/d\n1\n5432\n/s\n", "99999999999\n/d\n1\n5432\n/s\n", "1\n\n\n\n\n",
  ])
  func `nonsense is nothing`(_ text: String) {
    #expect(PostmasterFile(text) == nil)
  }
}
