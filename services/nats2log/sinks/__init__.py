"""The targets. A sink is one class behind the protocol in `sink.py`, in a file of its own."""
