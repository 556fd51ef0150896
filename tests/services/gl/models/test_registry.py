"""What a name means to a config."""

from dataclasses import replace

from services.gl.models.model import Model
from services.gl.models.provider import provider_of
from services.gl.models.registry import registry_of
from services.gl.models.target import ProviderModel


def provider(name, **more):
    return provider_of({"name": name, "dialect": "openai", "url": "http://h/v1", "api_key": "k", **more})


def test_the_order_in_which_a_name_is_looked_up():
    """A model, a model's glob, provider/model, a provider's glob, the maker, the only reseller."""
    sellers = {"gpt-9": ("openai", frozenset({"groq"})), "sold": ("openai-2", frozenset({"groq"}))}
    registry = registry_of(
        [
            provider("one", models=["o-*", "both"]),
            provider("two", models=["both", "only-two"]),
            provider("maker", profile="openai"),
            provider("shop", profile="groq"),
        ],
        [Model("named", ("one/x",)), Model("claude-*", ("one/c",)), Model("claude-3*", ("two/c",))],
        lambda name: sellers.get(name, ("", frozenset())),
    )
    meaning = registry.meaning
    assert meaning("named").name == "named"
    assert (meaning("claude-9").name, meaning("claude-3.5").name) == ("claude-*", "claude-3*")
    assert meaning("two/any/thing") == ProviderModel("two", "any/thing")
    assert meaning("o-1") == ProviderModel("one", "o-1")
    assert meaning("both") is None
    assert meaning("gpt-9") == ProviderModel("maker", "gpt-9")
    assert meaning("sold") == ProviderModel("shop", "sold")
    assert meaning("nobody/x") is None
    assert meaning("x") is None


def test_targets_without_a_provider_are_left_out():
    """A model without a target left is left out, and so is a group of such; weights stay with their targets."""
    registry = registry_of(
        [provider("here")],
        [
            Model("half", ("gone/a", "here/b"), weights=(9, 1)),
            Model("gone", ("gone/a",)),
            Model("group", ("gone",)),
            Model("outer", ("group", "half")),
        ],
    )
    assert set(registry.models) == {"half", "outer"}
    assert (registry.models["half"].targets, registry.models["half"].weights) == (("here/b",), (1,))
    assert registry.models["outer"].targets == ("half",)


def test_names():
    """Models, then what providers serve: by the shortest name that means it. Globs are no names."""
    registry = registry_of(
        [provider("one", models=["a", "both", "x-*"]), provider("two", models=["both", "m"])],
        [Model("m", ("one/a",)), Model("g-*", ("one/a",))],
    )
    assert list(registry.names()) == ["m", "a", "one/both", "two/both", "two/m"]
    found = replace(registry, discovered={"one": frozenset({"new", "a"}), "gone": frozenset({"lost"})})
    assert list(found.names()) == ["m", "a", "one/both", "new", "two/both", "two/m"]
    assert (found.meaning("new"), registry.meaning("new")) == (ProviderModel("one", "new"), None)
    both = replace(registry, discovered={"one": frozenset({"n"}), "two": frozenset({"n", "a"})})
    assert (both.meaning("n"), both.meaning("a")) == (None, ProviderModel("one", "a"))
    assert registry.close_to("one/bot")[0] == "one/both"
    assert registry.close_to("m", lambda name: name != "m") == ()


def test_names_of_dots():
    """They name nothing: a provider may have the name of a model in its path."""
    registry = registry_of([provider("one", models=["*"])], [])
    assert [registry.meaning(name) for name in ("..", "one/..", "one/.", "...")] == [None] * 4
    assert registry.meaning("one/a..b") == ProviderModel("one", "a..b")


def test_the_price_of_claude_on_vertex_is_anthropics():
    """Both have the same list price; Google's models are Google's."""
    vertex = provider_of({"name": "v", "dialect": "vertex", "project": "p"})
    assert vertex.priced_as("claude-haiku-4-5@20251001") == "anthropic"
    assert vertex.priced_as("gemini-2.5-flash") == "google"
    assert provider_of({"name": "g", "dialect": "gemini"}).priced_as("claude-haiku-4-5") == "google"
