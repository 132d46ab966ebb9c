"""The ledger (transactions), the warehouse (DuckDB), published snapshots and their read-only reader."""
