"""What the site under test has beside the functions of ``tests.processes.site``."""
