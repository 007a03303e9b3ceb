"""SQLite for state and ledger, Parquet for history, PostgreSQL by adapter."""
