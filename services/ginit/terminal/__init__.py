"""What `make up` shows on a terminal: the start in a few lines, then one line for each call and each event.

Where standard output is no terminal, or with GECHOLOG_LOG=json, the system log is written as JSON lines instead and
nothing here is used.
"""
