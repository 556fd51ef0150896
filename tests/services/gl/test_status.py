"""What gl says of itself."""

import json

from services.gl.status import Status


class FakeMessage:
    def __init__(self):
        self.answers = []

    async def answer(self, data):
        self.answers.append(json.loads(data))


async def test_fresh():
    """Before the first call all texts are empty."""
    message = FakeMessage()
    await Status().answer(message)
    body = {"LastTransactionID": "", "LastIngressTime": "", "LastError": "", "LastErrorTime": ""}
    assert message.answers == [{"Status": 200, "Body": body, "Error": None}]


async def test_last_error():
    """The last error is told with its time, and stays while calls go well."""
    status = Status()
    status.failed("first")
    status.failed("second")
    body = status.report()["Body"]
    assert body["LastError"] == "second"
    assert body["LastErrorTime"].endswith("Z")
