"""Measures streams with an upstream and a client, each in its own process.

The text of each chunk contains its number and the time at which it was written (CLOCK_MONOTONIC, which all processes of
a machine share), so that proxies that rewrite chunks preserve it.
"""
