// Page: what a person sees who opens the service's address.
//
// Served by `Operations.page` to whoever asks for `/` and is no client of a cloud. Invariant: the
// page is the same for everybody and names no project; it loads nothing from anywhere.

/// The page for people.
enum Page {
  /// The page as UTF-8.
  static let html = Array(text.utf8)

  private static let text = """
    <!doctype html>
    <html lang="en">
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width">
    <title>stageledger</title>
    <style>
    body { font: 1rem/1.5 system-ui, sans-serif; max-width: 44rem; margin: 3rem auto }
    td, th { text-align: left; padding: .2rem 1.5rem .2rem 0; vertical-align: top }
    </style>
    <h1>stageledger</h1>
    <p>Which version of a secret held which stage label, at any moment.</p>
    <table>
    <tr><th>Huawei Cloud CSMS<td><code>/v1/{project}/secrets</code>
    <tr><th>Alibaba Cloud KMS<td><code>/</code> with an <code>Action</code>
    <tr><th>AWS Secrets Manager<td><code>/</code> with an <code>X-Amz-Target</code>
    <tr><th>The ledger<td><code>/ledger/v1/{project}</code>
    </table>
    <p><a href="/openapi.json">OpenAPI</a> · <a href="/readyz">Readiness</a> ·
    <a href="/healthz">Health</a> · <a href="/metrics">Metrics</a>
    </html>

    """
}
