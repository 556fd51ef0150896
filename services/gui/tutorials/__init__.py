"""Tutorials: their steps, what each waits for, and code for a call. Pure."""
