enum LedgerServicesPlaceholder {}
