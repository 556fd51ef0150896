"""Processors: what they are given, what they may write, what is noted of them."""

import asyncio
import json

import pytest

from gecholog.errors import BusAway, MessageTooLarge, NoAnswer
from services.gl.errors import Refusal
from services.gl.processor_chain import Processor
from services.gl.record.payload import Truncated
from services.gl.record.section import RecordSection
from services.gl.stages import processors
from tests.services.gl.rig.gateway import processor
from tests.services.gl.rig.stage import FakeBus, built, call_of, deps, done


def entry(name="one", *, modifier=False, required=False, include=(), exclude=(), write=("a", "b", "new")):
    return Processor(
        name, modifier, required, False, tuple(include), frozenset(exclude), frozenset(write), f"processor.{name}", 1.0
    )


async def run(bus, *row, fields=None):
    section = RecordSection(fields={"a": 1, "b": 2, "c": 3} if fields is None else fields)
    runs = await processors.run_row(tuple(row), section, section.runs, deps(bus=bus))
    return section, runs


@pytest.mark.parametrize(
    ("include", "exclude", "seen"),
    [((), (), {"a", "b", "c"}), (("a", "x"), (), {"a"}), ((), ("a",), {"b", "c"}), (("a", "b"), ("b",), {"a"})],
)
async def test_what_a_processor_sees(include, exclude, seen):
    """The fields to include (empty: all), less those to exclude."""
    bus = FakeBus(one={})
    await run(bus, entry(include=include, exclude=exclude))
    assert set(bus.asked[0][1]) == seen


@pytest.mark.parametrize("required", [False, True])
async def test_no_field_left(required):
    """A processor that would see nothing is not called, and did not complete; what that means is noted."""
    bus = FakeBus(one={"new": 1})
    section, runs = await run(bus, entry(include=("x",), required=required))
    assert bus.asked == []
    assert [run.completed for run in runs] == [False]
    assert [error["name"] for error in section.errors] == ["one"] * required


async def test_modifier_replaces():
    """A modifier replaces fields that exist, of those that it may write."""
    section, _ = await run(FakeBus(one={"a": 10, "new": 20, "c": 30}), entry(modifier=True))
    assert section.fields == {"a": b"10", "b": 2, "c": 3}


async def test_annotator_adds():
    """An annotator adds fields that are not there, of those that it may write."""
    section, _ = await run(FakeBus(one={"a": 10, "new": {"x": [1.50]}, "other": 1}), entry())
    assert section.fields == {"a": 1, "b": 2, "c": 3, "new": b'{"x": [1.5]}'}


@pytest.mark.parametrize(
    ("answer", "completed", "noted"),
    [
        ({"a": 1}, True, False),
        ({"unknown": 1}, True, False),
        ({"control": None}, True, False),
        ({}, False, False),
        (b"", False, False),
        (b"{}", False, False),
        (b"garbage", False, True),
        (b"[1]", False, True),
        (b'"text"', False, True),
        (b"null", False, False),
        (b'{"a":1}{"a":2}', False, True),
        (b'\xff{"a":1}', False, True),
        (NoAnswer("no answer in 5 ms"), False, True),
        (BusAway("no connection to the bus"), False, True),
        (MessageTooLarge(9, 8), False, True),
    ],
)
async def test_answers(answer, completed, noted):
    """What counts as a response, and what is noted."""
    section, runs = await run(FakeBus(one=answer), entry(write=("a", "control")))
    assert runs[0].completed is completed
    assert [error["name"] for error in section.errors] == (["one"] if noted else [])
    assert section.runs[0]["name"] == "one"
    assert section.runs[0]["details"]["completed"] is completed
    assert set(section.runs[0]["details"]) == {"required", "completed", "timestamp"}


async def test_processors_of_a_row_see_the_same():
    """All of a row are asked at the same time with the fields as they were before the row."""
    together = asyncio.Event()

    class Waiting(FakeBus):
        async def request(self, subject, data, timeout, *, lazily=False):  # noqa: ASYNC109 - the bus's own
            self.asked.append((subject, json.loads(data)))
            if len(self.asked) == 2:
                together.set()
            await asyncio.wait_for(together.wait(), 10)
            return b'{"a": 9}'

    bus = Waiting()
    await run(bus, entry("one", modifier=True), entry("two", modifier=True))
    assert [fields for _, fields in bus.asked] == [{"a": 1, "b": 2, "c": 3}] * 2


async def test_later_of_a_row_wins():
    """Of two modifiers of a field the later in the row wins; of two annotators the earlier."""
    section, _ = await run(
        FakeBus(one={"a": 1}, two={"a": 2}), entry("one", modifier=True), entry("two", modifier=True)
    )
    assert section.fields["a"] == b"2"
    section, _ = await run(FakeBus(one={"new": 1}, two={"new": 2}), entry("one"), entry("two"))
    assert section.fields["new"] == b"1"


async def test_what_they_change_is_known_by_name():
    """What was replaced and what was added; not what they read, answered in vain, or were not asked about."""
    section, _ = await run(FakeBus(one={"a": 1, "b": 2}), entry("one", modifier=True, write={"a"}))
    assert section.changed == {"a"}
    section, _ = await run(FakeBus(one={"a": 1, "new": 2}), entry("one"))
    assert section.changed == {"new"}
    section, _ = await run(FakeBus(one={}), entry("one"))
    assert section.changed == frozenset()


async def test_rows_follow_each_other():
    """The second row sees what the first wrote."""
    rows = [[processor("one", output_fields_write=["new"])], [processor("two", output_fields_write=["newer"])]]
    call = call_of(built(request={"processors": rows}))
    call.request_section.fields = {"a": 1}
    bus = FakeBus(one={"new": "x"}, two=lambda fields: {"newer": fields["new"]})
    await processors.before_call(call, deps(bus))
    assert call.request_section.fields == {"a": 1, "new": b'"x"', "newer": b'"x"'}


async def test_required_request_processor():
    """A required one that does not complete ends the call with 500; its row is in the record, later rows do not run."""
    rows = [[processor("one", required=True), processor("two", output_fields_write=["new"])], [processor("three")]]
    call = call_of(built(request={"processors": rows}))
    call.request_section.fields = {"a": 1}
    bus = FakeBus(one=NoAnswer("no subscriber on one"), two={"new": 1}, three={})
    with pytest.raises(Refusal) as caught:
        await processors.before_call(call, deps(bus))
    assert (caught.value.status, caught.value.text) == (500, "internal server error")
    assert [run["name"] for run in call.request_section.runs] == ["one", "two"]
    assert call.request_section.fields["new"] == b"1"
    assert [error["name"] for error in call.request_section.errors] == ["one"]


async def test_required_that_answers_nothing_is_noted():
    """An empty answer of a required processor is a failure, and said."""
    section, runs = await run(FakeBus(one=b""), entry(required=True))
    assert not runs[0].completed
    assert section.errors[0]["name"] == "one"


async def test_required_response_processor_does_not_stop_the_answer():
    """The response is there already: the failure is noted, later rows run."""
    rows = [[processor("one", required=True)], [processor("two", output_fields_write=["new"])]]
    call = call_of(built(response={"processors": rows}))
    call.response_section.fields, call.inbound_body = {"a": 1}, b"{}"
    await done(processors.before_reply(call, deps(FakeBus(one=NoAnswer("late"), two={"new": 1}))))
    assert call.response_section.fields["new"] == b"1"
    assert [error["name"] for error in call.response_section.errors] == ["one"]


async def test_response_rows_run_in_order():
    """Rows of the response run in the order of the config."""
    rows = [[processor(name)] for name in ("one", "two", "three")]
    call = call_of(built(response={"processors": rows}))
    call.response_section.fields, call.inbound_body = {"a": 1}, b"{}"
    bus = FakeBus(one={}, two={}, three={})
    await done(processors.before_reply(call, deps(bus)))
    assert [subject for subject, _ in bus.asked] == ["processor.one", "processor.two", "processor.three"]


async def test_nothing_held_back_no_response_processors():
    """A response that is passed through unbuffered is not given to synchronous processors."""
    call = call_of(built(response={"processors": [[processor("one")]]}))
    await done(processors.before_reply(call, deps(FakeBus())))
    assert call.response_section.runs == []


async def test_asynchronous_processors():
    """After the reply: those of the request, then those of the response, listed apart."""
    late = {"async": True, "output_fields_write": ["new"]}
    config = built(
        request={"processors": [[processor("one", **late)]]}, response={"processors": [[processor("two", **late)]]}
    )
    call = call_of(config, target_router=config.routers["/service/"])
    call.request_section.fields, call.response_section.fields = {"a": 1}, {"b": 2}
    bus = FakeBus(one={"new": 1}, two={"new": 2})
    await processors.after_reply(call, deps(bus))
    assert [subject for subject, _ in bus.asked] == ["processor.one", "processor.two"]
    assert (call.request_section.fields["new"], call.response_section.fields["new"]) == (b"1", b"2")
    assert [run["name"] for run in call.request_section.async_runs] == ["one"]
    assert call.request_section.runs == []


async def test_refused_call_has_no_asynchronous_processors():
    """A call that went nowhere is not given to them."""
    call = call_of(built(request={"processors": [[processor("one", **{"async": True})]]}))
    bus = FakeBus(one={})
    await processors.after_reply(call, deps(bus))
    assert bus.asked == []


async def test_modifier_adds_orders():
    """A modifier may add fields that tell gl what to do, if its entry lists them; others it may only replace."""
    write = ["fallback_paths", "control", "control_status_code", "new"]
    call = call_of(built(request={"processors": [[processor("one", modifier=True, output_fields_write=write)]]}))
    call.request_section.fields = {"gl_path": "/service/"}
    answer = {"fallback_paths": ["/b/"], "control_status_code": 429, "control_headers": {"X": "1"}, "new": 1}
    await processors.before_call(call, deps(FakeBus(one=answer)))
    assert set(call.request_section.fields) == {"gl_path", "fallback_paths", "control_status_code"}


async def test_modifier_of_responses_adds_nothing():
    """On the side of the response they mean nothing, and a modifier only replaces."""
    rows = [[processor("one", modifier=True, output_fields_write=["control"])]]
    call = call_of(built(response={"processors": rows}))
    call.response_section.fields, call.inbound_body = {"a": 1}, b"{}"
    await done(processors.before_reply(call, deps(FakeBus(one={"control": 1}))))
    assert call.response_section.fields == {"a": 1}


@pytest.mark.parametrize(
    ("more", "seen"),
    [
        ({}, {"a", "b"}),
        ({"input_fields_include": ["a", "attempts"]}, {"a", "attempts"}),
        ({"input_fields_include": ["attempts"]}, {"attempts"}),
        ({"input_fields_include": ["a"]}, {"a"}),
        ({"input_fields_include": ["a", "attempts"], "input_fields_exclude": ["attempts"]}, {"a"}),
        ({"input_fields_exclude": ["b"]}, {"a"}),
    ],
)
@pytest.mark.parametrize("is_async", [False, True])
async def test_fields_for_those_that_name_them(more, seen, is_async):
    """`attempts` is for response processors that name it, synchronous or not."""
    config = built(response={"processors": [[processor("one", **more, **{"async": is_async})]]})
    call = call_of(config, target_router=config.routers["/service/"])
    call.response_section.fields, call.inbound_body = {"a": 1, "b": 2}, b"{}"
    call.response_section.opt_in_fields = {"attempts": [{"gl_path": "/service/"}]}
    bus = FakeBus(one={})
    await (processors.after_reply if is_async else processors.before_reply)(call, deps(bus))
    assert [set(fields) for _, fields in bus.asked] == [seen]


@pytest.mark.parametrize("is_async", [False, True])
async def test_request_processors_are_not_given_attempts(is_async):
    """The request's own processors are not given them, whatever they name."""
    entry = processor("one", input_fields_include=["a", "attempts"], **{"async": is_async})
    config = built(request={"processors": [[entry]]})
    call = call_of(config, target_router=config.routers["/service/"])
    call.request_section.fields, call.response_section.opt_in_fields = {"a": 1}, {"attempts": []}
    bus = FakeBus(one={})
    await (processors.after_reply if is_async else processors.before_call)(call, deps(bus))
    assert [set(fields) for _, fields in bus.asked] == [{"a"}]


async def test_no_response_no_response_processors():
    """A call whose client left before a response came has no response to tell of, attempts or not."""
    config = built(response={"processors": [[processor("one", input_fields_include=["attempts"], **{"async": True})]]})
    call = call_of(config, target_router=config.routers["/service/"])
    call.response_section.opt_in_fields = {"attempts": [{"gl_path": "/service/"}]}
    bus = FakeBus(one={})
    await processors.after_reply(call, deps(bus))
    assert bus.asked == []


async def test_request_processors_of_a_router():
    """A processor that is for some routers runs if the call came by one of them, or is going to one by now."""
    rows = [
        [processor("first", modifier=True, output_fields_write=["gl_path"]), processor("never", routers=["/other/"])],
        [processor("there", routers=["/other/"]), processor("here", routers=["/service/"])],
        [processor("nowhere", routers=["/x/"], required=True)],
    ]
    call = call_of(built(request={"processors": rows}))
    call.request_section.fields = {"gl_path": "/service/"}
    bus = FakeBus(first={"gl_path": "/other/"}, there={}, here={})
    await processors.before_call(call, deps(bus))
    assert [subject for subject, _ in bus.asked] == ["processor.first", "processor.there", "processor.here"]
    assert [run["name"] for run in call.request_section.runs] == ["first", "there", "here"]


@pytest.mark.parametrize("chosen", [3, None, ["/other/"], {"a": 1}, "/nowhere/"])
async def test_request_processors_of_a_router_and_a_strange_choice(chosen):
    """A `gl_path` that is no path leads nowhere else."""
    rows = [
        [processor("first", modifier=True, output_fields_write=["gl_path"])],
        [processor("there", routers=["/other/"])],
    ]
    call = call_of(built(request={"processors": rows}))
    call.request_section.fields = {"gl_path": "/service/"}
    bus = FakeBus(first={"gl_path": chosen}, there={})
    await processors.before_call(call, deps(bus))
    assert [subject for subject, _ in bus.asked] == ["processor.first"]


async def test_response_processors_of_a_router():
    """On the way back the router of the call and that of the target count, for all sorts."""
    late = {"async": True}
    config = built(
        request={"processors": [[processor("late", routers=["/other/"], **late)]]},
        response={
            "processors": [
                [processor("by", routers=["/service/"]), processor("to", routers=["/other/"])],
                [processor("neither", routers=["/x/"]), processor("late_neither", routers=["/x/"], **late)],
                [processor("late_to", routers=["/other/"], **late)],
            ]
        },
    )
    call = call_of(config, target_router=config.routers["/other/"])
    call.request_section.fields, call.response_section.fields, call.inbound_body = {"a": 1}, {"b": 1}, b"{}"
    bus = FakeBus(by={}, to={}, late={}, late_to={})
    await done(processors.before_reply(call, deps(bus)))
    await processors.after_reply(call, deps(bus))
    assert [subject.removeprefix("processor.") for subject, _ in bus.asked] == ["by", "to", "late", "late_to"]


async def test_a_payload_that_is_cut_is_not_given_to_a_processor():
    """It would take the summary for the payload: it is not asked, and the record says why."""
    call = call_of(built(request={"processors": [[processor("one")], [processor("two", required=True)]]}))
    call.request_section.fields = {"ingress_payload": Truncated({"size": 5000, "sha256": "", "head": ""}, 2000)}
    bus = FakeBus(one={"control": 1}, two={"control": 1})
    with pytest.raises(Refusal) as caught:
        await processors.before_call(call, deps(bus))
    assert caught.value.status == 500
    assert bus.asked == []
    details = "not called: ingress_payload is larger than 2000 bytes"
    assert call.request_section.errors == [{"name": name, "details": details} for name in ("one", "two")]
    assert [run["details"]["completed"] for run in call.request_section.runs] == [False, False]


async def test_a_processor_that_does_not_see_the_payload_is_asked():
    """What it is given is small."""
    one = processor("one", input_fields_include=["gl_path"])
    call = call_of(built(request={"processors": [[one]]}))
    call.request_section.fields = {"gl_path": "/service/", "ingress_payload": Truncated({"size": 5000}, 2000)}
    bus = FakeBus(one={"new": 1})
    await processors.before_call(call, deps(bus))
    assert [fields for _, fields in bus.asked] == [{"gl_path": "/service/"}]
