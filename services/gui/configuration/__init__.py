"""The pages for config files."""
