"""The durable ledger: what was accepted is a row until it has an outcome (design, section 6)."""
