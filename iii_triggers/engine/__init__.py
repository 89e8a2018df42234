"""The running registry and invoker of one process."""
