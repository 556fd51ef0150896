"""Several processes that serve one address: a parent, and workers that it starts, reloads, restarts and stops."""
