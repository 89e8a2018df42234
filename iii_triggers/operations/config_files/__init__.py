"""Triggers and trigger types of the site as a file, so that they can live in git."""
