"""The stages of a call, in the order of their names in pipeline.py."""
