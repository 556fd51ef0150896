"""The record of a call: its contents, its serialization, and its delivery to the bus.

A record is written to a journal on disk before the reply is complete, and stays there until the bus acknowledges it.
This survives the death of any process, but not a power failure: writes are not synced to the disk.
"""
