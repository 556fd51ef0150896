"""The record of a call: what goes into it, how it is written, and how it reaches the bus.

A journal on disk comes before the reply is complete, an acknowledgement after it. Promised for the death of any
process, not for power loss: what is written is in the hands of the operating system, and not yet on the disk.
"""
