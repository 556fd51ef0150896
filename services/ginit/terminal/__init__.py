"""What `make up` shows on a terminal: the start in a few lines, then one line for each call and each event.

If standard output is not a terminal, or with GECHOLOG_LOG=json, the system log is written as JSON lines instead, and
only `foreground` and `summary` are used.
"""
