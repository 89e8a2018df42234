"""An app whose functions guard a listener."""
