"""gl configs that differ, valid ones and invalid ones, and the ways in which a config file is replaced."""

import json
import time
from copy import deepcopy

# ---------------------------------------------------------------------------- valid


def _router(values, number):
    values["routers"].append(deepcopy(_dummy(values)) | {"path": f"/extra{number}/"})


def _router_gone(values, number):
    values["routers"] = [router for router in values["routers"] if not router["path"].startswith("/service/")]
    values["gateway_id"] = f"GECHO{number:03d}"


def _dummy(values):
    return next(router for router in values["routers"] if router["path"] == "/dummy/")


def _processor(number, **fields):
    usual = {
        "name": f"extra_{number}",
        "modifier": False,
        "required": False,
        "async": False,
        "input_fields_include": ["gl_path", "ingress_payload"],
        "input_fields_exclude": [],
        "output_fields_write": ["extra"],
        "service_bus_topic": f"coburn.gl.extra{number}",
        "timeout": 100,
    }
    return usual | fields


def _row(values, number):
    values["request"]["processors"].append([_processor(number)])


def _async_row(values, number):
    values["response"]["processors"].append([_processor(number, **{"async": True})])


def _other_counter(values, number):
    values["request"]["processors"][0][0]["timeout"] = 250 + number


def _no_processors(values, number):
    values["request"]["processors"], values["response"]["processors"] = [], []
    values["session_id_header"] = f"Session-{number}"


def _masked(values, number):
    values["masked_headers"].append(f"X-Secret-{number}")


def _removed(values, number):
    values["remove_headers"].append(f"X-Gone-{number}")


def _limits(values, number):
    values["limits"] = {"request_body_bytes": 1_000_000 + number, "connections": 1000 + number}


def _times(values, number):
    _dummy(values)["outbound"]["timeouts"] = {"connect_ms": 5000 + number, "total_ms": 100_000}


def _headers(values, number):
    _dummy(values)["outbound"]["headers"] = {"X-Number": [str(number)]}


def _filters(values, number):
    values["logger"]["request"]["fields_exclude"] = ["ingress_payload", f"field_{number}"]


def _record_log(values, number):
    values["log_max_payload_bytes"] = 100_000 + number


_KINDS = (
    _router,
    _row,
    _masked,
    _limits,
    _router_gone,
    _async_row,
    _headers,
    _filters,
    _no_processors,
    _times,
    _removed,
    _other_counter,
    _record_log,
)


def valid(usual, number, port):
    """A config that `usual` has become by one change; no two numbers give the same."""
    values = deepcopy(usual) | {"gl_port": port}
    _KINDS[number % len(_KINDS)](values, number)
    return json.dumps(values, indent=1 + number % 3).encode()


# ---------------------------------------------------------------------------- invalid


def _without(values, *names):
    return {name: value for name, value in values.items() if name not in names}


def invalid(usual, number):
    """A content that is no config; no two numbers give the same."""
    text = json.dumps(usual | {"gateway_id": f"WRONG{number:03d}"})
    two = usual["routers"] + [_dummy(usual)]
    made = (
        text[: len(text) // 2 + number],
        json.dumps(usual | {"gl_port": f"wrong {number}"}),
        json.dumps(usual | {"routers": two, "log_max_payload_bytes": 5000 + number}),
        text + "}" * (number + 1),
        json.dumps(_without(usual, "service_bus", "routers") | {"gl_port": 1000 + number}),
        json.dumps(usual | {"gl_port": 70_000 + number, "routers": 7, "log_level": "LOUD"}),
        json.dumps(usual | {"masked_headers": ["Api-Key", "api-key", f"X-{number}"]}),
        " " * number,
        json.dumps(usual | {"request": {"processors": [[_processor(number), _processor(number)]]}}),
        json.dumps([number]),
    )
    return made[number % len(made)].encode() + (b"\xff" if number % 17 == 16 else b"")


# ---------------------------------------------------------------------------- ways to replace a file


def renamed(file, data):
    """As editors do."""
    beside = file.with_name(f"{file.name}.new")
    beside.write_bytes(data)
    beside.replace(file)


def copied(file, data):
    """As `cp` does: the file itself is written."""
    if file.is_symlink():
        file.unlink()
    file.write_bytes(data)


def linked(file, data):
    """As Kubernetes does: the file is a link below a link to a folder, and this is switched."""
    folder = file.with_name(f"..version_{time.time_ns()}")
    folder.mkdir()
    (folder / file.name).write_bytes(data)
    beside = file.with_name("..data_tmp")
    beside.symlink_to(folder.name)
    beside.replace(file.with_name("..data"))
    if not file.is_symlink():
        beside.symlink_to(f"..data/{file.name}")
        beside.replace(file)


def in_pieces(file, data):
    """As over a slow line: within a second."""
    if file.is_symlink():
        file.unlink()
    with file.open("wb", buffering=0) as opened:
        for place in range(0, len(data), len(data) // 7 + 1):
            opened.write(data[place : place + len(data) // 7 + 1])
            time.sleep(0.15)


WAYS = (renamed, copied, linked, renamed, in_pieces)
