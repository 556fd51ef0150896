"""A secret of the store in a running gateway: used, replaced without a restart, and never shown."""

import json

from gecholog.secret_store import SecretStore
from tests.services.gl.rig.gateway import Gateway, config_of, router
from tests.support.waiting import until

FIRST, SECOND = "sk-CaNaRy-first", "sk-CaNaRy-second"


def test_a_changed_secret_comes_into_force(tmp_path, bus_server, bus, upstream):
    """The next calls have it; a host that is taken away changes nothing, and the log says so."""
    host = upstream.url.removeprefix("http://").rstrip("/")
    store = SecretStore(tmp_path / "app", {})
    store.put("KEY", FIRST, (host,), "ann")
    headers = {"X-Own": ["Bearer ${secret:KEY}"]}
    values = config_of(bus_server.hostname, [router("/a/", upstream.url, headers=headers)], masked_headers=[])
    gateway = Gateway(tmp_path, bus_server, values)
    try:
        gateway.ready()

        def sent():
            assert gateway.call("GET", f"/a/rotated{len(upstream.seen)}").status == 200
            return upstream.seen[-1].values("X-Own")[0].decode()

        assert sent() == f"Bearer {FIRST}"
        record = json.dumps(bus.of_path("rotated0"))  # a path of its own: gateways of other tests share the bus
        assert FIRST not in record
        assert "*****MASKED*****" in record
        store.put("KEY", SECOND, (host,), "ann")
        until(lambda: sent() == f"Bearer {SECOND}", "the new secret")
        store.put("KEY", "sk-CaNaRy-third", ("elsewhere.example",), "ann")
        line = gateway.process.wait_for_log("config not taken")
        assert "would send the secret KEY to" in json.dumps(line)
        assert sent() == f"Bearer {SECOND}"
        assert "CaNaRy" not in gateway.process.output
    finally:
        gateway.close()
