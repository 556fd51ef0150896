"""Requests and replies in the dialect of the other side."""
