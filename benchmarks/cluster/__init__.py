"""Several ASGI processes, Celery workers and beats that are one engine (``make cluster``)."""
