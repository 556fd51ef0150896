"""Records on their way to the bus: a journal on disk before the reply is complete, an acknowledgement after it.

Promised for the death of any process, not for power loss: what is written is in the hands of the operating system, and
not yet on the disk.
"""

from services.gl.records.journal import Journal
from services.gl.records.recorder import Recorder

__all__ = ["Journal", "Recorder"]
