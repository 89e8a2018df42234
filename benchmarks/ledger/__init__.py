"""What deliveries cost: against a bare Celery task, in latency, and what a tick of cron costs."""
