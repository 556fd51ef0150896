"""Resilience: which failures move a call on, how long a retry waits, and when a target is left alone. Pure.

failures  the statuses after which another target is tried
backoff   how long to wait before the same target is tried again
breaker   the circuit breaker: closed, open, half-open
"""
