"""The owner of a service's background tasks."""

import asyncio

from gecholog.task_owner import TaskOwner


async def fail(error):
    raise error


async def test_a_task_that_fails():
    """The first failure ends the service."""
    owner = TaskOwner()
    first, second = OSError("first"), OSError("second")
    owner.spawn(fail(first), "first")
    await owner.ending.wait()
    assert owner.failure is first
    owner.spawn(fail(second), "second")
    await owner.cancel_all()
    assert owner.failure is first


async def test_tasks_that_end_well():
    """A task that returns or is cancelled does not end the service."""
    owner = TaskOwner()
    await owner.spawn(asyncio.sleep(0), "short")
    cancelled = owner.adopt(asyncio.create_task(asyncio.sleep(3600)))
    cancelled.cancel()
    await asyncio.wait({cancelled})
    assert owner.failure is None
    assert not owner.ending.is_set()


async def test_cancel_all():
    """Spawned and adopted tasks have ended afterwards."""
    owner = TaskOwner()
    tasks = [owner.spawn(asyncio.sleep(3600), "spawned"), owner.adopt(asyncio.create_task(asyncio.sleep(3600)))]
    await owner.cancel_all()
    assert all(task.cancelled() for task in tasks)
    await owner.cancel_all()
    assert owner.failure is None


async def test_health():
    """Only changes are reported; the health is known to owners that nobody asks as well."""
    owner, seen = TaskOwner(), []
    owner.set_healthy(healthy=False)
    owner.set_healthy(healthy=True)
    owner.on_health_change(lambda: seen.append(owner.healthy))
    for healthy in (True, False, False, True):
        owner.set_healthy(healthy=healthy)
    assert seen == [False, True]


async def test_refusal():
    """The reason of each reload is passed on; an owner that nobody asks takes it as well."""
    owner, seen = TaskOwner(), []
    owner.set_refusal("nobody asks")
    owner.on_refusal(seen.append)
    for reason in ("is not JSON", ""):
        owner.set_refusal(reason)
    assert seen == ["is not JSON", ""]
