"""Benchmarks: `python -m bench` measures gl beside nginx in one run, `python -m bench.sink` the file sink."""
