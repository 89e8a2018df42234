"""Several processes: a request that runs on another one, and twice the processes."""
