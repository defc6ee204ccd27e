// CloudEvent: an event of the log in the envelope of CloudEvents 1.0.
//
// Called by the pages of the log and by the export of the command line. Calls `EventOutline`.
// Invariant: `data` is the stored bytes, verbatim; everything around them is read out of them.

/// Writes events as CloudEvents in their JSON format.
public enum CloudEvent {
  /// The event as one JSON object; nil when the bytes are no event.
  ///
  /// `source` names the log and `type` is the event's own after `stageledger.`; `time` is when it
  /// was true in the cloud and `recordedtime` when the ledger stored it; `sequence` is the position
  /// in 16 digits, so that it sorts as text. Source: CloudEvents 1.0.2, sections 3.1 and 3.2, and
  /// its documented extensions "Recorded Time" and "Sequence".
  public static func text(of bytes: [UInt8]) -> [UInt8]? {
    guard let outline = EventOutline(bytes) else { return nil }
    let digits = String(outline.position)
    var text = ObjectText()
    text.text("specversion", "1.0")
    text.text("id", outline.id)
    text.text("source", "urn:stageledger:project:\(outline.project)")
    text.text("type", "stageledger.\(outline.type)")
    if let secret = outline.secret { text.text("subject", secret) }
    text.text("time", outline.effectiveAt)
    text.text("recordedtime", outline.recordedAt)
    text.text("sequence", String(repeating: "0", count: max(0, 16 - digits.count)) + digits)
    text.text("datacontenttype", "application/json")
    text.raw("data", bytes)
    return text.bytes
  }
}
