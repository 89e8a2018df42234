"""The worker protocol: message types, codec and errors. Imports no Django."""
