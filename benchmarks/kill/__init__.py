"""Is a cluster one engine while its processes die? (``make kill``)."""
