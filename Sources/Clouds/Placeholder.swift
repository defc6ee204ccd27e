enum CloudsPlaceholder {}
