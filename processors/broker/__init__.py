"""broker: spreads calls over several routers, and leaves out those that fail."""
