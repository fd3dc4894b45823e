"""The embedded servers: PostgreSQL, Valkey and SeaweedFS as supervised child processes."""
