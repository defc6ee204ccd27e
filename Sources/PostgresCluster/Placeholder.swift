enum PostgresClusterPlaceholder {}
