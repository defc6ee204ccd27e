enum LedgerAPITestsPlaceholder {}
