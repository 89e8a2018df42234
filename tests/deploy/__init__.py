"""The recipes of docs/deploy run: as they are, but for paths and ports of this machine."""
