"""The engine core."""
