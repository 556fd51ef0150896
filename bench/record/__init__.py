"""Measures what the record of a call costs. See `__main__`."""
