"""One file a dialect: how to know the events of a streamed answer, and how to fold them. `table.py` lists them."""
