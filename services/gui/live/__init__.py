"""Calls as they end: received from the bus, kept for a while, and passed on to browsers."""
