"""What ginit decides, as values: `reconcile` takes what is known (`state`) and what happened (`events`), sees to all
services together and by `step` to each of them, and gives what is known then and what is to be done. No I/O.
"""
