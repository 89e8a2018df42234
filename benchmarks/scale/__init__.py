"""Every list, page and call of the API, asked for with a million runs in PostgreSQL."""
