"""A small Elasticsearch with index API and bulk API, strict about its input. The script of a `Target`."""

import base64
import itertools
import json
from dataclasses import dataclass, field

from tests.support.target import Answer, Request

JSON_TYPE = "application/vnd.elasticsearch+json; compatible-with=8"
NDJSON_TYPE = "application/vnd.elasticsearch+x-ndjson; compatible-with=8"


@dataclass
class FakeElastic:
    """`documents` maps ids to stored documents. A document whose field `n` is in `refuses` is malformed for it.
    A document in `turns_away` gets that status.

    If `product` is False, it is another product, which supports plain media types only and sends no product header.
    """

    authorization: str
    product: bool = True
    refuses: frozenset[int] = frozenset()
    turns_away: dict[int, int] = field(default_factory=dict)
    indices: dict = field(default_factory=dict)
    documents: dict = field(default_factory=dict)
    created: int = 0
    bulk_sizes: list = field(default_factory=list)
    largest: int = 1 << 30
    _numbers: itertools.count = field(default_factory=itertools.count)

    def __call__(self, request: Request) -> Answer:
        if request.value("Authorization") != self.authorization:
            return self._answer(401, {"error": {"type": "security_exception", "reason": "who are you"}, "status": 401})
        if len(request.body) > self.largest:
            return self._answer(413, {})
        path = request.target.partition("?")[0]
        if path.endswith("/_bulk"):
            return self._bulk(path.split("/")[1], request)
        if request.method == "HEAD":
            return self._answer(200 if path.strip("/") in self.indices else 404, None)
        assert request.method == "PUT"
        assert request.value("Content-Type") == (JSON_TYPE if self.product else "application/json")
        self.indices[path.strip("/")] = json.loads(request.body)
        return self._answer(200, {"acknowledged": True})

    def _bulk(self, index: str, request: Request) -> Answer:
        """See https://www.elastic.co/docs/api/doc/elasticsearch/operation/operation-bulk.

        The body is pairs of lines, each with a line break.
        """
        assert request.value("Content-Type") == (NDJSON_TYPE if self.product else "application/x-ndjson")
        assert request.body.endswith(b"\n")
        lines = request.body[:-1].split(b"\n")
        assert len(lines) % 2 == 0
        items = [
            self._create(index, json.loads(a), json.loads(b)) for a, b in zip(lines[::2], lines[1::2], strict=True)
        ]
        self.bulk_sizes.append(len(items))
        failed = any(item["create"]["status"] >= 300 for item in items)
        return self._answer(200, {"took": 1, "errors": failed, "items": items})

    def _create(self, index: str, action: dict, document: dict) -> dict:
        ((word, about),) = action.items()
        assert word == "create"
        identity = about.get("_id") or f"made-{next(self._numbers)}"
        result = {"_index": index, "_id": identity}
        if document.get("n") in self.refuses:
            error = {"type": "document_parsing_exception", "reason": "failed to parse [n], preview: 'private words'"}
            return {"create": result | {"status": 400, "error": error}}
        if (status := self.turns_away.get(document.get("n"))) is not None:
            return {"create": result | {"status": status, "error": {"type": "es_rejected_execution_exception"}}}
        if identity in self.documents:
            return {"create": result | {"status": 409, "error": {"type": "version_conflict_engine_exception"}}}
        self.documents[identity] = document
        return {"create": result | {"status": 201, "result": "created"}}

    def _answer(self, status: int, body: dict | None) -> Answer:
        headers = [("Content-Type", JSON_TYPE if self.product else "application/json")]
        if self.product:
            headers.append(("X-Elastic-Product", "Elasticsearch"))
        return Answer(status=status, headers=headers, body=b"" if body is None else json.dumps(body).encode())


def basic(username: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()
