"""Tests of what Celery workers do for deliveries."""
