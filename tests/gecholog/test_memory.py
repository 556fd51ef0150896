"""Memory of large bodies goes back to the machine."""

import os
import subprocess
import sys

import pytest

from gecholog import memory

SCRIPT = """
import sys
from io import BytesIO
from pathlib import Path
from gecholog import memory

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

if sys.argv[1] == "yes":
    memory.return_large_blocks()
before, kept = resident(), []
for round in range(40):  # bodies that grow while small things are made between them, and stay
    bodies = [BytesIO() for _ in range(4)]
    for _ in range(40 + round):
        for body in bodies:
            body.write(bytes(65536))
            kept.append(bytes(1000))
    bodies.clear()
print(resident() - before - len(kept) * 1000)
"""


def left(called):
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MALLOC_", "GLIBC_"))}
    command = [sys.executable, "-c", SCRIPT, called]
    return int(subprocess.run(command, check=True, capture_output=True, env=environment, timeout=60).stdout)


def test_freed_bodies_are_given_back():
    """What is left resident is a small part of what the bodies had, 40 MB at a time."""
    assert left("yes") < 20_000_000


@pytest.mark.parametrize("name", ["MALLOC_ARENA_MAX", "GLIBC_TUNABLES"])
def test_settings_of_a_user_are_left_alone(name):
    """Who has set up malloc knows why."""
    assert not memory.return_large_blocks({name: "2"})
    assert not memory.return_free_pages({name: "2"})
    assert not memory.share_heap({name: "2"})


HEAPS = """
import threading
from gecholog import memory
assert memory.share_heap() or not hasattr(__import__("ctypes").CDLL(None), "mallopt")
kept = []
threads = [threading.Thread(target=lambda: kept.append([bytes(2000) for _ in range(2000)])) for _ in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
heaps = 0
for line in open("/proc/self/maps"):
    place, mode = line.split()[:2]
    heaps += int(place.partition("-")[0], 16) % (64 << 20) == 0 and mode == "rw-p" and len(line.split()) == 5
print(heaps)
"""


def test_threads_share_one_heap():
    """No thread has a heap of its own, which glibc places at multiples of 64 MB."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MALLOC_", "GLIBC_"))}
    command = [sys.executable, "-c", HEAPS]
    done = subprocess.run(command, check=True, capture_output=True, env=environment, timeout=60, text=True)
    assert done.stdout.strip() == "0"
