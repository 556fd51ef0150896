"""broker: balances calls across routers, with a circuit breaker for failing ones."""
