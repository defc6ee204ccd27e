enum LedgerAPIPlaceholder {}
