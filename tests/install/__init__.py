"""The package as others get it: a wheel, in an environment that knows nothing of this checkout."""
