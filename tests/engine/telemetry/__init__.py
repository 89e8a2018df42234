"""What workers tell of themselves."""
