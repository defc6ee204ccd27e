enum EventLoopTestsPlaceholder {}
