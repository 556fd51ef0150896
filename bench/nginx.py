"""Starts nginx twice with one worker each: as the upstream, and as the proxy that all others are compared with."""

from __future__ import annotations

import os
from pathlib import Path

from bench import payloads, tools
from bench.processes import HOST, Fleet, listens

_MAX_IN_CONFIG = 3_000  # bytes; nginx accepts strings of at most 4,096, so larger responses are files

_FRAME = """
{user}
daemon off;
worker_processes 1;
pid {folder}/pid;
error_log {folder}/error.log crit;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    default_type application/json;
    tcp_nodelay on;
    sendfile on;
    open_file_cache max=16;
    keepalive_requests 1000000000;
    client_max_body_size 16m;
    client_body_buffer_size 2m;
    client_body_temp_path {folder}/client;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    {rest}
}}
"""

_PROXY = """
    upstream target {{ server {host}:{target}; keepalive 512; keepalive_requests 1000000000; }}
    upstream streams {{ server {host}:{streams}; keepalive 512; keepalive_requests 1000000000; }}
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_max_temp_file_size 0;
    proxy_buffer_size 16k;
    proxy_buffers 64 32k;
    server {{
        listen {host}:{port} backlog=1024;
        location / {{ proxy_pass http://target; }}
        location /streams/ {{ proxy_pass http://streams; proxy_buffering off; }}
    }}
"""


def start_target(fleet: Fleet, sizes: tuple[int, ...]) -> int:
    """Start an upstream that answers `/SIZE` and everything below it with that many bytes. Return its port."""
    port = fleet.port()
    folder = _folder(fleet, "target")
    locations = "\n".join(_location(folder, size) for size in sizes)
    server = f"server {{ listen {HOST}:{port} backlog=1024; {locations} }}"
    return _start(fleet, "target", folder, port, server)


def _location(folder: Path, size: int) -> str:
    body = payloads.answer(size)
    if size <= _MAX_IN_CONFIG:
        return f"location /{size}/ {{ return 200 '{body.decode()}'; }}"
    file = folder / f"{size}.json"
    file.write_bytes(body)
    # nginx serves files only to GET. The 405 for a POST is turned into the file.
    as_file = f"root {folder}; error_page 405 =200 /{file.name};"
    return f"location /{size}/ {{ {as_file} return 405; }} location = /{file.name} {{ {as_file} }}"


def start_proxy(fleet: Fleet, target: int, streams: int) -> int:
    """Start a proxy in front of both upstreams. Return its port."""
    port = fleet.port()
    rest = _PROXY.format(host=HOST, port=port, target=target, streams=streams)
    return _start(fleet, "nginx", _folder(fleet, "nginx"), port, rest)


def _folder(fleet: Fleet, name: str) -> Path:
    folder = fleet.folder / name
    folder.mkdir()
    return folder


def _start(fleet: Fleet, name: str, folder: Path, port: int, rest: str) -> int:
    user = "user root;" if os.geteuid() == 0 else ""  # the worker must be able to read our directory
    config = folder / "nginx.conf"
    config.write_text(_FRAME.format(user=user, folder=folder, rest=rest))
    words = [tools.required("nginx"), "-c", str(config), "-e", str(folder / "start.log")]
    fleet.start(name, words, listens(port))
    return port
