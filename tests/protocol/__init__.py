"""Tests of the worker protocol."""
