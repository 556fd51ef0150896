"""How hard a request is, as a classifier model rates it."""
