"""The list of models."""

from services.gl.models.listing import listed, one
from services.gl.models.model import Model
from services.gl.models.provider import provider_of
from services.gl.models.registry import registry_of

REGISTRY = registry_of(
    [provider_of({"name": "p", "dialect": "dummy", "models": ["served", "glob-*"]})],
    [Model("m", ("p/x",), logic_level=3, primary_use="Tests"), Model("plain", ("p/x",))],
)


def test_listed():
    """OpenAI's shape; what a model is for is told where the config says it; globs are not listed."""
    found = listed(REGISTRY, 7, lambda _: True)
    base = {"object": "model", "created": 7}
    assert found == {
        "object": "list",
        "data": [
            {"id": "m", **base, "owned_by": "gecholog", "logic_level": 3, "primary_use": "Tests"},
            {"id": "plain", **base, "owned_by": "gecholog"},
            {"id": "served", **base, "owned_by": "p"},
        ],
    }
    assert [entry["id"] for entry in listed(REGISTRY, 7, lambda name: name == "m")["data"]] == ["m"]


def test_one():
    """Also a model that is not listed; not what may not be shown."""
    assert one(REGISTRY, "glob-1", 7, lambda _: True)["owned_by"] == "p"
    assert one(REGISTRY, "p/any", 7, lambda _: True)["id"] == "p/any"
    assert one(REGISTRY, "nobody", 7, lambda _: True) is None
    assert one(REGISTRY, "m", 7, lambda _: False) is None
