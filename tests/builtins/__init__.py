"""The engine's own functions."""
