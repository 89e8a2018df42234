"""Every published iii-sdk against this engine: ``make test-sdk``."""
