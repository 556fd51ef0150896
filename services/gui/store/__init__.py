"""What the web interface remembers, in one SQLite file."""
