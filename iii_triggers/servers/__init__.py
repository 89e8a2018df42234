"""ASGI servers inside ``runengine``: several doors, one process."""
