"""What Prometheus reads of the engine."""
