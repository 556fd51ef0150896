"""gl: the gateway. Read pipeline.py to know what happens to a call."""
