"""Routers: the paths that clients call, and what the config says of each."""
