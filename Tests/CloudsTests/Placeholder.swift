enum CloudsTestsPlaceholder {}
