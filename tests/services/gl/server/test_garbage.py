"""What waits for the garbage collector is bounded by bytes."""

from services.gl.server.garbage import COLLECT_AFTER, COUNTED_FROM, Garbage


def test_collects_after_so_many_bytes():
    """The collector looks when enough bytes have been handled, and begins to count anew."""
    looks = []
    garbage = Garbage(lambda: looks.append(None))
    for _ in range(63):
        garbage.handled(COLLECT_AFTER // 64)
    assert looks == []
    garbage.handled(COLLECT_AFTER // 64)
    assert len(looks) == 1
    garbage.handled(COLLECT_AFTER - 1)
    assert len(looks) == 1
    garbage.handled(COLLECT_AFTER)
    assert len(looks) == 2


def test_small_bodies_do_not_count():
    """They are objects enough for the collector to look by itself."""
    garbage = Garbage(lambda: looks.append(None))
    looks = []
    for _ in range(10_000):
        garbage.handled(COUNTED_FROM - 1)
    assert looks == []
