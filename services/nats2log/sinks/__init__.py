"""The sinks: each is one class in its own file that implements the protocol in `sink.py`."""
