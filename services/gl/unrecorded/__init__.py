"""Requests that are refused without a record: counted, and mentioned in the log."""
