"""Measures what a client key and limits cost: `python -m bench.limits`."""
