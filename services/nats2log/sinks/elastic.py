"""The Elasticsearch sink: writes records as documents with the bulk API of the official client.

A document has the record's id and is only created, never updated. If a record is delivered again, its document exists
already, which counts as success. Version 8 of the client supports servers 8 and 9.
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
from services.nats2log.sinks.http import fault_from_status
from services.nats2log.sinks.sending import chunks, send_sequentially
from services.nats2log.sinks.sink import Failure, Fault, FaultKind, Sink, fail_all

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from elastic_transport._node import NodeApiResponse  # not exported, and only a name for the checker here

    from gecholog.tls import OutboundTls
    from services.nats2log.config import Writer
    from services.nats2log.entry import RecordEntry

log = Log("elastic")
logging.getLogger("elastic_transport").setLevel(logging.ERROR)  # its warnings repeat ours

_MAX_BULK_BYTES = 8 * 1024 * 1024  # servers accept 100 MB, but smaller requests are recommended
_TOO_LARGE = 413
_EXISTS = 409
# For one document, these do not concern its content: missing permissions, or a missing index.
_NOT_THE_CONTENT = frozenset({401, 403, 404})
_NOT_AN_OBJECT = Fault(FaultKind.REJECTED, "not a JSON object")


class ElasticSink:
    """Creates documents in an index."""

    def __init__(self, writer: ElasticWriter, tls: OutboundTls) -> None:
        self._writer = writer
        self._tls = tls
        self._client: AsyncElasticsearch | None = None
        self._index_exists = False

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

    async def write(self, entries: Sequence[RecordEntry]) -> list[Failure]:
        good = [entry for entry in entries if _is_object(entry.data)]
        bad = [] if len(good) == len(entries) else [entry for entry in entries if not _is_object(entry.data)]
        if good and (fault := await self._ensure_index()) is not None:
            return fail_all(entries, fault)
        return fail_all(bad, _NOT_AN_OBJECT) + await send_sequentially(chunks(good, _MAX_BULK_BYTES), self._bulk)

    async def close(self) -> None:
        if self._client is not None:
            await self._client.close()
            self._client = None

    async def _bulk(self, entries: Sequence[RecordEntry]) -> list[Failure]:
        if self._client is None:
            return fail_all(entries, Fault(FaultKind.OUTAGE, "sink not open"))
        # The client sends lines of bytes unchanged, but its types do not say so.
        lines: Any = [line for entry in entries for line in (_action(entry), one_line(entry.data))]
        try:
            answer = await self._client.bulk(index=self._writer.index, operations=lines)
        except ApiError as error:
            if error.status_code == _TOO_LARGE and len(entries) > 1:
                middle = len(entries) // 2
                return await send_sequentially([entries[:middle], entries[middle:]], self._bulk)
            return fail_all(entries, _fault_of(error))
        except TransportError as error:
            return fail_all(entries, Fault(FaultKind.OUTAGE, type(error).__name__))
        return _item_failures(entries, answer.body)

    async def _ensure_index(self) -> Fault | None:
        """Create the index if it does not exist. Return an outage that prevents writing, or None."""
        if self._index_exists or self._client is None:
            return None
        index = self._writer.index
        try:
            if not await self._client.indices.exists(index=index):
                await self._client.indices.create(index=index, **definition())
                log.info("index created", index=index)
        except ApiError as error:
            fault = _fault_of(error)
            if fault.kind is FaultKind.OUTAGE and error.status_code not in _NOT_THE_CONTENT:
                return fault
            # No permission to check or create it, or someone else has created it: the bulk request will show.
            log.warning("index not created, continuing", index=index, reason=fault.reason)
        except TransportError as error:
            return Fault(FaultKind.OUTAGE, type(error).__name__)
        self._index_exists = True
        return None


class _AnyProduct(AiohttpHttpNode):
    """A connection to OpenSearch and others: sends plain media types, and adds the header that the client requires."""

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


def _action(entry: RecordEntry) -> bytes:
    return rawjson.dumps({"create": {"_id": entry.id} if entry.id else {}})


def _item_failures(entries: Sequence[RecordEntry], answer: Mapping[str, Any]) -> list[Failure]:
    """Return the failed items of a bulk response, in the order of the request.

    Each document goes to a shard that may be busy or down. If the response accepts or rejects other documents, the
    destination as a whole is up.
    """
    if not answer.get("errors"):
        return []
    found = [(entry, _item_fault(item["create"])) for entry, item in zip(entries, answer["items"], strict=True)]
    all_down = all(fault is not None and fault.kind is FaultKind.OUTAGE for _, fault in found)
    return [Failure(entry, fault if all_down else _alone(fault)) for entry, fault in found if fault is not None]


def _alone(fault: Fault) -> Fault:
    """Turn an outage of a single document into busy."""
    return replace(fault, kind=FaultKind.BUSY) if fault.kind is FaultKind.OUTAGE else fault


def _item_fault(item: Mapping[str, Any]) -> Fault | None:
    status = item["status"]
    if status == _EXISTS:
        return None  # written before, and delivered again
    fault = fault_from_status(status)
    if fault is None:
        return None
    error = item.get("error", {})
    kind = FaultKind.OUTAGE if status in _NOT_THE_CONTENT else fault.kind
    # The server's message may quote the record.
    return Fault(kind, f"{fault.reason} {error.get('type', '')}".strip(), details=str(error.get("reason", "")))


def _fault_of(error: ApiError) -> Fault:
    """Return the fault that the response to a whole request stands for."""
    if isinstance(error, UnsupportedProductError):
        return Fault(
            FaultKind.OUTAGE, "not Elasticsearch: set elastic_writer.product_check to false for other products"
        )
    status = error.status_code
    retry_after = error.meta.headers.get("retry-after") or ""
    fault = fault_from_status(status, retry_after)
    if fault is None or status in _NOT_THE_CONTENT:
        return Fault(FaultKind.OUTAGE, f"status {status}")
    return replace(fault, kind=FaultKind.OUTAGE) if fault.kind is FaultKind.BUSY else fault


def make(writer: Writer, tls: OutboundTls) -> Sink:
    """Create the sink for the section `elastic_writer`."""
    if not isinstance(writer, ElasticWriter):
        raise TypeError(type(writer).__name__)
    return ElasticSink(writer, tls)
