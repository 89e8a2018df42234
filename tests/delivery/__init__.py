"""The ledger, on the database of the test run."""
