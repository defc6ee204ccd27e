// ConnectedCloud: a live cloud behind connections of its own.
//
// Opened by the wiring for a project, closed by whoever opened it; the one place that knows which
// client speaks for which provider.

public import Ledger
public import LedgerServices

/// A live cloud behind connections of its own.
public protocol ConnectedCloud: CloudWriter {
  /// What is to be said about this machine's clock, by the cloud's last answer; nil when that is
  /// right.
  var clockRemark: String? { get }
  /// Lets the connections go; later calls fail.
  func close()
}

extension Upstream {
  /// Opens the cloud; nothing is sent yet.
  public func open(
    as provider: Provider, settings: UpstreamSettings
  ) throws(UpstreamConfigurationError) -> any ConnectedCloud {
    switch provider {
    case .huawei: try HuaweiClient(self, settings: settings)
    case .alibaba: try AlibabaClient(self, settings: settings)
    case .aws: try AWSClient(self, settings: settings)
    }
  }
}
