"""Resilience: which failures move a call on, how long a retry waits, and when a target is left alone. Pure.

failures  the statuses after which another target is tried
retry     whether and when the same target is tried again
backoff   how long to wait before that
breaker   the circuit breaker: closed, open, half-open
rules     what the config says of all that
"""
