"""gunicorn for the engine: ``gunicorn -c gunicorn.conf.py iii_project.asgi:application``.

One port, and as many processes as ``workers`` says; each of them is a node of its own.
"""

bind = "127.0.0.1:8001"
workers = 2

# uvicorn with the limits and pings that the settings of the site say, and it drains.
worker_class = "iii_triggers.servers.gunicorn.TriggerUvicornWorker"

# Loops and connections do not survive a fork: every process loads the site by itself.
preload_app = False

# At SIGTERM and SIGHUP what is in flight is finished: longer than III_SHUTDOWN_GRACE_S and
# III_CLOSE_SPREAD_S (10 s and 2 s) together.
graceful_timeout = 30

# How long a process may be silent before it counts as hung.
timeout = 60

# Whose X-Forwarded-For and X-Forwarded-Proto are believed: those of nginx on this host.
forwarded_allow_ips = "127.0.0.1"
