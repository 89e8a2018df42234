"""What a request costs: one run, one table (``python -m benchmarks`` from the repository)."""
