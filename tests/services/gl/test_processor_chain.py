"""Rows of processors: which of them are for a call."""

from services.gl.processor_chain import CONTROL_FIELDS, ProcessorChain
from tests.services.gl.rig.gateway import processor


def chain(*listed, control_fields=frozenset()):
    return ProcessorChain.of({"processors": list(listed)}, control_fields)


def names(listed):
    return [[entry.name for entry in row] for row in listed]


def test_without_routers():
    """Processors are for all calls, unless they say otherwise; the rows are handed out as they are."""
    both = chain([processor("one"), processor("two", routers=[])], [processor("late", **{"async": True})])
    assert not both.by_router
    assert both.rows_for_routers("/a/", "/b/") is both.sync_rows
    assert both.async_rows_for_routers("/a/", "/b/") is both.async_rows


def test_by_router():
    """A processor is for calls that come by one of its routers or go to one; rows that are empty then are left out."""
    both = chain(
        [processor("one", routers=["/a/", "/b/"]), processor("two")],
        [processor("three", routers=["/c/"])],
        [processor("late", routers=["/c/"], **{"async": True})],
    )
    assert both.by_router
    assert names(both.rows_for_routers("/a/", "/x/")) == names(both.rows_for_routers("/x/", "/b/")) == [["one", "two"]]
    assert names(both.rows_for_routers("/c/", "/a/")) == [["one", "two"], ["three"]]
    assert names(both.rows_for_routers("/x/", "/x/")) == [["two"]]
    assert names(both.async_rows_for_routers("/x/", "/c/")) == [["late"]]
    assert both.async_rows_for_routers("/x/", "/a/") == ()


def test_who_counts_tokens():
    """Processors that may write `token_count`, before the reply or after it: for all calls, or for those of routers."""
    counting = {"output_fields_write": ["a", "token_count"]}
    assert not chain([processor("one")]).counts_tokens("/a/", "/a/")
    assert chain([processor("one"), processor("two", **counting, **{"async": True})]).counts_tokens("/a/", "/a/")
    some = chain([processor("one", routers=["/a/"], **counting)], [processor("two", routers=["/b/"], **counting)])
    assert some.counts_tokens("/a/", "/x/")
    assert some.counts_tokens("/x/", "/b/")
    assert not some.counts_tokens("/x/", "/c/")
    assert chain([processor("one", routers=["/a/"], **counting), processor("two", **counting)]).counts_tokens("/x/")


def test_path_is_compared_whole():
    """A router's path stands for that router, not for those below it."""
    assert chain([processor("one", routers=["/a/"])]).rows_for_routers("/a/b/", "/a") == ()


def test_what_a_modifier_may_add():
    """Orders to gl, if its entry lists them, and on the request's side only."""
    entry = processor("one", modifier=True, output_fields_write=["control", "fallback_paths", "gl_path"])
    assert chain([entry], control_fields=CONTROL_FIELDS).sync_rows[0][0].add == {"control", "fallback_paths"}
    assert chain([entry]).sync_rows[0][0].add == frozenset()


def test_sees():
    """A field may be given to a processor that names it, or that names none and does not exclude it."""
    assert not chain([processor("one", input_fields_include=["gl_path"])]).sees("a", "b")
    assert chain([processor("one", input_fields_include=["gl_path"])], [processor("two")]).sees("a", "b")
    assert chain([processor("one", input_fields_include=["b"], **{"async": True})]).sees("a", "b")
    assert not chain([processor("one", input_fields_exclude=["a", "b"])]).sees("a", "b")
    assert chain([processor("one", input_fields_exclude=["a"], routers=["/x/"])]).sees("a", "b")
    assert not chain().sees("a")
