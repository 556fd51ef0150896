"""Resilience: failures that lead to failover, the delays of retries, and circuit breakers. Pure.

failures  the statuses after which another target is tried
retry     whether and when the same target is tried again
backoff   how long to wait before that
breaker   the circuit breaker: closed, open, half-open
rules     the resilience rules of the config
"""
