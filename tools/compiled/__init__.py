"""Compiles the modules of gl through which a call runs, with mypyc: `make compiled`.

The source stays ordinary Python, and runs without this. The result is a copy of our packages in which each of these
modules has an extension beside its source; Python imports the extension.
"""
