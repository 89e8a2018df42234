"""Functions that the engine calls over HTTP (trigger reference, section 10)."""
