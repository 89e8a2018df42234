"""End-to-end tests: real engine processes and workers written with the published SDKs."""
