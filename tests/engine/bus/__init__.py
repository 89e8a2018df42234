"""Tests of what crosses the borders of a process."""
