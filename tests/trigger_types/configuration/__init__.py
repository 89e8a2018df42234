"""Configurations: placeholders, functions, triggers."""
