"""The command that makes, shows, changes and removes client keys."""
