"""What waits for the garbage collector is bounded by bytes."""

from services.gl.server.garbage_collection import COLLECT_AFTER, COUNTED_FROM, TRIM_AT, GarbageCollection


def test_collects_after_so_many_bytes():
    """The collector looks when enough bytes have been handled, and begins to count again."""
    looks = []
    garbage = GarbageCollection(lambda: looks.append(None))
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
    garbage = GarbageCollection(lambda: looks.append(None))
    looks = []
    for _ in range(10_000):
        garbage.handled(COUNTED_FROM - 1)
    assert looks == []


def test_memory_is_given_back_when_all_is_quiet():
    """Some looks after the last large body, and once more when its record is gone; then not again."""
    garbage = GarbageCollection(lambda: None)
    garbage.handled(COLLECT_AFTER)
    looks = [garbage.quiet() for _ in range(40)]
    assert [place for place, trims in enumerate(looks) if trims] == sorted(TRIM_AT)
    garbage.handled(COLLECT_AFTER)
    for _ in range(min(TRIM_AT)):
        assert not garbage.quiet()
        garbage.handled(COUNTED_FROM)
    assert sum(garbage.quiet() for _ in range(40)) == len(TRIM_AT)


def test_little_is_not_worth_it():
    """A heap that was hardly used has little to give."""
    garbage = GarbageCollection(lambda: None)
    garbage.handled(COLLECT_AFTER - 1)
    assert not any(garbage.quiet() for _ in range(40))
