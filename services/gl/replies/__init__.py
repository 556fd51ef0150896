"""Sends replies to clients, and ends calls early."""
