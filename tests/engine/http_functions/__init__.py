"""Functions behind URLs."""
