enum CanonicalJSONTestsPlaceholder {}
