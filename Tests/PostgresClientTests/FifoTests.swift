// The queue against a plain array, on random histories.

import Testing

@testable import PostgresClient

@Suite struct FifoTests {
  @Test(arguments: 0..<20)
  func `a queue does what an array does`(_: Int) {
    let seed = UInt64.random(in: .min ... .max)
    var random = SplitMix(state: seed)
    var queue = Fifo<Int>()
    var model: [Int] = []
    for number in 0..<20_000 {
      switch Int.random(in: 0..<1_000, using: &random) {
      case 0:
        #expect(queue.removeAll() == model, "seed \(seed)")
        model = []
      case 1:
        let extracted = queue.extract { $0 % 3 == 0 }
        #expect(extracted == model.filter { $0 % 3 == 0 }, "seed \(seed)")
        model.removeAll { $0 % 3 == 0 }
      case 2..<480:
        #expect(queue.popFirst() == model.first, "seed \(seed)")
        if !model.isEmpty { model.removeFirst() }
      default:
        queue.append(number)
        model.append(number)
      }
      #expect(queue.count == model.count && queue.first == model.first, "seed \(seed)")
    }
    #expect(Array(queue.elements) == model, "seed \(seed)")
  }
}
