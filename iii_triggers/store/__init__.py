"""Values that functions keep in the database: items by group and key, and atomic updates."""
