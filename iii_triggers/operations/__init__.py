"""What people and scripts do: the admin, the REST API and the commands call it."""
