"""What a sink says about itself."""

import json

from gecholog.errors import BusAway
from services.nats2log.backlog import Backlog
from services.nats2log.consume import Source
from services.nats2log.meter import Meter
from services.nats2log.status import Status


class Neighbour:
    """Consumer and delivery in one."""

    source = Source.RECORD_LOG
    held = 3

    def __init__(self, backlog):
        self._backlog = backlog

    async def backlog(self):
        if self._backlog is None:
            raise BusAway("no bus")
        return self._backlog


class Question:
    def __init__(self):
        self.answers = []

    async def answer(self, data):
        self.answers.append(json.loads(data))


def status(backlog, meter):
    neighbour = Neighbour(backlog)
    return Status("file_writer", neighbour, neighbour, meter)


async def test_a_minute(said):
    """One line with lag, throughput and failures."""
    await status(Backlog(7, 0.5), Meter(written=60, failed_attempts=2)).minute()
    (line,) = said()
    assert line["msg"] == "status"
    assert (line["lag"], line["written"], line["failed_attempts"], line["percent_of_limits"]) == (7, 60, 2, 50)
    assert line["records_per_second"] > 0


async def test_near_the_limits(said):
    """From 80 percent on an error says so."""
    await status(Backlog(7, 0.8), Meter()).minute()
    assert [entry["level"] for entry in said()] == ["INFO", "ERROR"]


async def test_answer():
    """The same to whoever asks, with the outage if there is one."""
    question = Question()
    await status(Backlog(7), Meter(outage="status 503", outage_since="then")).answer(question)
    (answer,) = question.answers
    assert (answer["lag"], answer["outage"], answer["outage_since"]) == (7, "status 503", "then")


async def test_without_a_bus():
    """The lag is not known."""
    question = Question()
    await status(None, Meter()).answer(question)
    assert question.answers[0]["lag"] is None
