"""The sockets that accept clients, and their certificates."""
