"""Items and updates, on the database of the test run."""
