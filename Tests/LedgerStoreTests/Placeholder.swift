enum LedgerStoreTestsPlaceholder {}
