"""The possible destinations of a call, each made once per config."""
