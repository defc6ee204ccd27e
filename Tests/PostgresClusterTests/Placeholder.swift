enum PostgresClusterTestsPlaceholder {}
