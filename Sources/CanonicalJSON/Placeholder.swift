enum CanonicalJSONPlaceholder {}
