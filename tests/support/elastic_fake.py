"""An Elasticsearch that only remembers which documents it has: index API and bulk API, strict about what it is sent.

Much lighter than a real one, so that it can take what a load test sends for minutes.
"""

import base64
from collections import Counter
from dataclasses import dataclass, field

import orjson

from tests.support.target import Answer, Request, Target

USERNAME, PASSWORD = "elastic", "PasswordOfTheTests"
_AUTHORIZATION = "Basic " + base64.b64encode(f"{USERNAME}:{PASSWORD}".encode()).decode()
_JSON = "application/vnd.elasticsearch+json; compatible-with=8"
_NDJSON = "application/vnd.elasticsearch+x-ndjson; compatible-with=8"
_HEADERS = (("Content-Type", _JSON), ("X-Elastic-Product", "Elasticsearch"))


class Malformed(Exception):
    """A request that an Elasticsearch would not take."""


@dataclass(slots=True)
class ElasticFake:
    """`documents` is the transaction id of each document by the document's id; `offered_again` counts documents that
    were there already; `malformed` says what was wrong with requests.
    """

    target: Target = field(default_factory=Target)
    documents: dict[str, str] = field(default_factory=dict)
    offered_again: int = 0
    calls: int = 0
    malformed: list[str] = field(default_factory=list)
    _indices: set[str] = field(default_factory=set)

    async def start(self):
        """Listen: on a free port, later again on the same."""
        self.target.usual = self._answer
        await self.target.start()

    async def stop(self):
        """Listen no more, and reset all connections. The documents stay."""
        await self.target.stop()

    def writer(self):
        """The section `elastic_writer` of a sink."""
        return {
            "url": "http://127.0.0.1",
            "port": self.target.port,
            "index": "loss",
            "username": USERNAME,
            "password": PASSWORD,
        }

    def count_by_call(self):
        """How many documents there are of each transaction id."""
        return Counter(self.documents.values())

    def _answer(self, request: Request) -> Answer:
        self.target.requests.clear()  # bodies of minutes of load
        try:
            return self._answered(request)
        except (Malformed, ValueError) as error:
            self.malformed.append(str(error))
            return _reply(400, {"error": {"type": "illegal_argument_exception"}, "status": 400})

    def _answered(self, request: Request) -> Answer:
        _demand(request.value("Authorization") == _AUTHORIZATION, "wrong credentials")
        _, index, *rest = request.target.partition("?")[0].split("/")
        if rest == ["_bulk"]:
            _demand(request.method in {"POST", "PUT"}, "bulk method")
            return self._bulk(index, request)
        _demand(not rest, "unknown address")
        if request.method == "HEAD":
            return _reply(200 if index in self._indices else 404, None)
        _demand(request.method == "PUT" and request.value("Content-Type") == _JSON, "making an index")
        _demand("mappings" in orjson.loads(request.body), "index without mappings")
        self._indices.add(index)
        return _reply(200, {"acknowledged": True, "index": index})

    def _bulk(self, index: str, request: Request) -> Answer:
        """https://www.elastic.co/docs/api/doc/elasticsearch/operation/operation-bulk: pairs of lines, each ended."""
        self.calls += 1
        _demand(request.value("Content-Type") == _NDJSON, "bulk content type")
        _demand(request.body.endswith(b"\n"), "the last line of a bulk call is not ended")
        lines = request.body[:-1].split(b"\n")
        _demand(len(lines) % 2 == 0, "odd number of lines")
        found = [_pair(action, document) for action, document in zip(lines[::2], lines[1::2], strict=True)]
        items = [self._create(index, identity, transaction) for identity, transaction in found]
        failed = any(item["create"]["status"] >= 300 for item in items)
        return _reply(200, {"took": 1, "errors": failed, "items": items})

    def _create(self, index: str, identity: str, transaction: str):
        result = {"_index": index, "_id": identity}
        if identity in self.documents:
            self.offered_again += 1
            error = {"type": "version_conflict_engine_exception", "reason": "document already exists"}
            return {"create": result | {"status": 409, "error": error}}
        self.documents[identity] = transaction
        return {"create": result | {"status": 201, "result": "created"}}


def _pair(first: bytes, second: bytes) -> tuple[str, str]:
    """Id and transaction id of an action line and its document."""
    action, document = orjson.loads(first), orjson.loads(second)
    _demand(isinstance(action, dict) and action.keys() == {"create"}, "an action other than create")
    _demand(action["create"].keys() == {"_id"} and isinstance(action["create"]["_id"], str), "a document without id")
    _demand(isinstance(document, dict) and isinstance(document.get("transaction_id"), str), "a document is no record")
    return action["create"]["_id"], document["transaction_id"]


def _demand(condition: bool, complaint: str) -> None:
    if not condition:
        raise Malformed(complaint)


def _reply(status: int, body) -> Answer:
    return Answer(status=status, headers=_HEADERS, body=b"" if body is None else orjson.dumps(body))
