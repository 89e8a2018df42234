"""Tests of the servers inside ``runengine``."""
