"""The runnable site that ships with iii-triggers."""
