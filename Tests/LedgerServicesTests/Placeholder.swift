enum LedgerServicesTestsPlaceholder {}
