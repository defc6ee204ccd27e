enum PostgresClientTestsPlaceholder {}
