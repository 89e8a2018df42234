"""Real processes: engines, servers and workers started, signalled and killed."""
