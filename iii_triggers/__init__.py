"""An event-trigger engine inside a Django site."""
