"""What requests and deliveries cost: one run, one table (``python -m benchmarks``)."""
