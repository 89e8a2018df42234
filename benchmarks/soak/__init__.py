"""Does anything get lost? Processes are killed while messages flow (``make soak``)."""
