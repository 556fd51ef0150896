"""What ginit decides, as values and without I/O.

`reconcile.decide` takes the state of the appliance (`state`), an event (`events`) and the time. It returns the next
state and the actions to take (`actions`). It handles what concerns all services itself, and asks `step` about each one.
"""
