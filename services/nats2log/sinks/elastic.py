"""The Elasticsearch sink: records as documents, by the bulk API of the official client.

A document's id is the record's own, and it is only ever created: a record that is delivered again finds its document
there, and is written. Version 8 of the client speaks to servers 8 and 9.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from elastic_transport import AiohttpHttpNode, HttpHeaders, TransportError
from elastic_transport.client_utils import DEFAULT, DefaultType
from elasticsearch import ApiError, AsyncElasticsearch, UnsupportedProductError

from gecholog import rawjson
from gecholog.errors import NotJson
from gecholog.logs import Log
from gecholog.tls import outbound_context
from services.nats2log.config import ElasticWriter
from services.nats2log.shape import one_line
from services.nats2log.sinks.elastic_index import definition
from services.nats2log.sinks.http import fault_of
from services.nats2log.sinks.sending import chunks, in_turn
from services.nats2log.sinks.sink import Failure, Fault, Kind, Sink, all_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from elastic_transport._node import NodeApiResponse  # not exported, and only a name for the checker here

    from gecholog.tls import OutboundTls
    from services.nats2log.config import Writer
    from services.nats2log.entry import Entry

log = Log("elastic")
logging.getLogger("elastic_transport").setLevel(logging.ERROR)  # its warnings say once more what we say

_MOST_BYTES = 8 * 1024 * 1024  # of a bulk call; servers take 100 MB, and like less
_TOO_LARGE = 413
_THERE_ALREADY = 409
# Of one document these are not about its content: rights, and an index that is not there.
_NOT_THE_CONTENT = frozenset({401, 403, 404})
_NOT_AN_OBJECT = Fault(Kind.REFUSAL, "not a JSON object")


class ElasticSink:
    """Creates documents in an index."""

    def __init__(self, writer: ElasticWriter, tls: OutboundTls) -> None:
        self._writer = writer
        self._tls = tls
        self._client: AsyncElasticsearch | None = None
        self._index_is_there = False

    async def open(self) -> None:
        writer = self._writer
        secure = writer.address.startswith("https:")
        self._client = AsyncElasticsearch(
            writer.address,
            basic_auth=None if writer.api_key else (writer.username, writer.password),
            api_key=writer.api_key or None,
            ssl_context=outbound_context(self._tls) if secure else None,
            node_class=AiohttpHttpNode if writer.product_check else _AnyProduct,
            request_timeout=writer.timeout_ms / 1000,
            max_retries=0,
            retry_on_timeout=False,
        )

    async def write(self, entries: Sequence[Entry]) -> list[Failure]:
        good = [entry for entry in entries if _is_object(entry.data)]
        bad = [] if len(good) == len(entries) else [entry for entry in entries if not _is_object(entry.data)]
        if good and (fault := await self._make_index()) is not None:
            return all_of(entries, fault)
        return all_of(bad, _NOT_AN_OBJECT) + await in_turn(chunks(good, _MOST_BYTES), self._bulk)

    async def close(self) -> None:
        if self._client is not None:
            await self._client.close()
            self._client = None

    async def _bulk(self, entries: Sequence[Entry]) -> list[Failure]:
        if self._client is None:
            return all_of(entries, Fault(Kind.OUTAGE, "sink not open"))
        # lines that are bytes already are sent as they are, which the client's types do not tell
        lines: Any = [line for entry in entries for line in (_action(entry), one_line(entry.data))]
        try:
            answer = await self._client.bulk(index=self._writer.index, operations=lines)
        except ApiError as error:
            if error.status_code == _TOO_LARGE and len(entries) > 1:
                middle = len(entries) // 2
                return await in_turn([entries[:middle], entries[middle:]], self._bulk)
            return all_of(entries, _fault_of(error))
        except TransportError as error:
            return all_of(entries, Fault(Kind.OUTAGE, type(error).__name__))
        return _item_failures(entries, answer.body)

    async def _make_index(self) -> Fault | None:
        """Make the index if it is missing, before the first documents. Returns an outage that forbids to go on."""
        if self._index_is_there or self._client is None:
            return None
        index = self._writer.index
        try:
            if not await self._client.indices.exists(index=index):
                await self._client.indices.create(index=index, **definition())
                log.info("index created", index=index)
        except ApiError as error:
            fault = _fault_of(error)
            if fault.kind is Kind.OUTAGE and error.status_code not in _NOT_THE_CONTENT:
                return fault
            # no right to look or to make, or made by somebody else meanwhile: the bulk call will tell
            log.warning("index not created, continuing", index=index, reason=fault.reason)
        except TransportError as error:
            return Fault(Kind.OUTAGE, type(error).__name__)
        self._index_is_there = True
        return None


class _AnyProduct(AiohttpHttpNode):
    """A connection for OpenSearch and others: plain media types out, the header that the client looks for in."""

    async def perform_request(  # type: ignore[override]  # the client's own base class has a synchronous one
        self,
        method: str,
        target: str,
        body: bytes | None = None,
        headers: HttpHeaders | None = None,
        request_timeout: DefaultType | float | None = DEFAULT,
    ) -> NodeApiResponse:
        response = await super().perform_request(method, target, body, _plain(headers), request_timeout)
        response.meta.headers["x-elastic-product"] = "Elasticsearch"
        return response


def _plain(headers: Mapping[str, str] | None) -> HttpHeaders:
    return HttpHeaders(
        {
            name: value.replace("vnd.elasticsearch+", "").partition(";")[0]
            if name.lower() in ("accept", "content-type")
            else value
            for name, value in (headers or {}).items()
        },
    )


def _is_object(data: bytes) -> bool:
    try:
        rawjson.split(data)
    except NotJson:
        return False
    return True


def _action(entry: Entry) -> bytes:
    return rawjson.dumps({"create": {"_id": entry.id} if entry.id else {}})


def _item_failures(entries: Sequence[Entry], answer: Mapping[str, Any]) -> list[Failure]:
    """The items of a bulk answer, in the order of the call, that are no success.

    Documents go to shards that may be busy or away one by one: if the answer takes or refuses others, the target is not
    away.
    """
    if not answer.get("errors"):
        return []
    found = [(entry, _item_fault(item["create"])) for entry, item in zip(entries, answer["items"], strict=True)]
    away = all(fault is not None and fault.kind is Kind.OUTAGE for _, fault in found)
    return [Failure(entry, fault if away else _alone(fault)) for entry, fault in found if fault is not None]


def _alone(fault: Fault) -> Fault:
    """An outage of one document among others."""
    return replace(fault, kind=Kind.BUSY) if fault.kind is Kind.OUTAGE else fault


def _item_fault(item: Mapping[str, Any]) -> Fault | None:
    status = item["status"]
    if status == _THERE_ALREADY:
        return None  # written before, and delivered again
    fault = fault_of(status)
    if fault is None:
        return None
    error = item.get("error", {})
    kind = Kind.OUTAGE if status in _NOT_THE_CONTENT else fault.kind
    # the server's own words may quote the record
    return Fault(kind, f"{fault.reason} {error.get('type', '')}".strip(), details=str(error.get("reason", "")))


def _fault_of(error: ApiError) -> Fault:
    """What the answer to a whole call means."""
    if isinstance(error, UnsupportedProductError):
        return Fault(Kind.OUTAGE, "not Elasticsearch: set elastic_writer.product_check to false for other products")
    status = error.status_code
    retry_after = error.meta.headers.get("retry-after") or ""
    fault = fault_of(status, retry_after)
    if fault is None or status in _NOT_THE_CONTENT:
        return Fault(Kind.OUTAGE, f"status {status}")
    return replace(fault, kind=Kind.OUTAGE) if fault.kind is Kind.BUSY else fault


def make(writer: Writer, tls: OutboundTls) -> Sink:
    """The sink for the section `elastic_writer`."""
    if not isinstance(writer, ElasticWriter):
        raise TypeError(type(writer).__name__)
    return ElasticSink(writer, tls)
