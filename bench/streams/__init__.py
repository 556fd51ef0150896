"""Streams: a target and a client, each a process of its own, and what lies between the two.

Each chunk carries its number and the moment at which it was written (CLOCK_MONOTONIC, which all processes of a machine
share), in its text, where proxies that write chunks anew keep it too.
"""
