"""Builds an attempt, sends it, and reads the beginning of its response."""
