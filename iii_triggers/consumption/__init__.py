"""What Celery workers do for deliveries: consume the queues of all topics, sweep, run."""
