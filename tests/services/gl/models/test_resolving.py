"""A name → the models of providers to try."""

from hypothesis import given
from hypothesis import strategies as st

from services.gl.models.model import Classifier, Model, Rule, Strategy
from services.gl.models.ordering import StrategyInputs
from services.gl.models.provider import provider_of
from services.gl.models.registry import registry_of
from services.gl.models.resolving import next_classifier, resolve


def registry(*models):
    entries = [{"name": name, "dialect": "openai", "url": "http://h/v1"} for name in ("one", "two", "three")]
    return registry_of(map(provider_of, entries), models)


def names(found):
    return [choice.name for choice in found]


def test_groups_are_walked_in_their_order():
    """A group's choices come where the group stands; what comes twice counts where it comes first."""
    known = registry(
        Model("outer", ("inner", "two/b", "one/a"), max_output_tokens=9),
        Model("inner", ("one/a", "three/c"), max_output_tokens=5),
    )
    found = resolve(known, "outer", StrategyInputs())
    assert names(found) == ["one/a", "three/c", "two/b"]
    assert found[0].groups == ("outer", "inner")
    assert [choice.max_output_tokens for choice in found] == [5, 5, 9]


def test_without_a_model():
    """`provider/model` is its only choice; a name that nobody knows has none."""
    assert names(resolve(registry(), "two/x/y", StrategyInputs())) == ["two/x/y"]
    assert resolve(registry(), "x", StrategyInputs()) == ()


def test_the_latency_of_a_group_is_that_of_its_quickest():
    """A group is as quick as it can be."""
    known = registry(Model("m", ("one/a", "inner"), Strategy.LEAST_LATENCY), Model("inner", ("two/b", "three/c")))
    times = {"one/a": 0.2, "two/b": 0.9, "three/c": 0.1}
    assert names(resolve(known, "m", StrategyInputs(latency=times.get))) == ["two/b", "three/c", "one/a"]


def test_which_classifier_is_asked():
    """The one that decides where the first attempt goes, and after it the one that it leads to; no other."""
    judge = Classifier("one/judge")
    known = registry(
        Model("top", ("low", "high"), Strategy.CLASSIFIER, classifier=judge),
        Model("low", ("one/a", "two/b"), Strategy.HEURISTIC, rules=(Rule(("x",), "two/b"),)),
        Model("high", ("one/c", "two/d"), Strategy.CLASSIFIER, classifier=judge),
        Model("plain", ("one/a", "top")),
    )
    rated = {"top": 10, "high": 1}
    inputs = StrategyInputs(rating=rated.get)
    assert next_classifier(known, "plain", inputs, frozenset()) is None
    assert next_classifier(known, "top", inputs, frozenset()).name == "top"
    assert next_classifier(known, "top", inputs, frozenset({"top"})).name == "high"
    assert next_classifier(known, "top", inputs, frozenset({"top", "high"})) is None
    assert next_classifier(known, "top", StrategyInputs(rating=lambda _: 1), frozenset({"top"})) is None
    assert names(resolve(known, "top", inputs)) == ["one/c", "two/d", "one/a", "two/b"]


@given(st.lists(st.lists(st.integers(0, 9), min_size=1, max_size=4, unique=True), min_size=1, max_size=6), st.data())
def test_each_choice_once(listed, data):
    """Of groups that name later groups and providers, every provider's model that can be reached is there, once."""
    models, leaves = [], {}
    for index in reversed(range(len(listed))):
        later = [f"m{other}" for other in range(index + 1, len(listed))]
        groups = data.draw(st.lists(st.sampled_from(later), unique=True, max_size=3)) if later else []
        targets = (*groups, *(f"one/{number}" for number in listed[index]))
        strategy = data.draw(st.sampled_from([Strategy.FALLBACK, Strategy.ROUND_ROBIN, Strategy.WEIGHTED]))
        models.append(Model(f"m{index}", targets, strategy))
        leaves[f"m{index}"] = {f"one/{number}" for number in listed[index]}.union(*(leaves[one] for one in groups))
    found = names(resolve(registry(*models), "m0", StrategyInputs()))
    assert len(found) == len(set(found))
    assert set(found) == leaves["m0"]
