"""The records of dead processes, as they are published."""

from services.gl.record.delivery.orphan_delivery import OrphanDelivery
from services.gl.record.journal.entry import FINAL
from services.gl.record.journal.journal import Journal


def die(root, record_id):
    """Leave a record as a process that dies."""
    journal = Journal(root, 1024 * 1024)
    journal.append(FINAL, record_id, b"{}")
    journal.close()


async def test_a_process_that_dies_while_others_are_handled(tmp_path):
    """Its records are published by the next try, not only after the next loss of the connection."""
    first, second, published = bytes(16), bytes([1] * 16), []

    async def deliver(record):
        published.append(record.record_id)
        if record.record_id == first:
            die(tmp_path, second)
            orphans.rescan()
        return True

    orphans = OrphanDelivery(tmp_path, deliver, lambda: True)
    die(tmp_path, first)
    own = tmp_path / "own"
    assert await orphans.publish_all(own)
    assert await orphans.publish_all(own)
    assert published == [first, second]
    assert list(tmp_path.iterdir()) == []
