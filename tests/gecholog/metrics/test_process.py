"""What is known of this process."""

import os

from gecholog.metrics import process


def test_a_fork_starts_when_it_is_made():
    """Workers are forked, and must not be taken for one another: their start tells them apart."""
    before = process.snapshot().value(process.START.name)
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.write(writing, repr(process.snapshot().value(process.START.name)).encode())
        os._exit(0)
    os.waitpid(pid, 0)
    assert float(os.read(reading, 100)) > before
    for descriptor in (reading, writing):
        os.close(descriptor)
    assert process.snapshot().value(process.START.name) == before
