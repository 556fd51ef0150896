"""Output of services: chunks become lines, lines become JSON lines."""

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ginit.lines import (
    LineBuffer,
    TextSearch,
    json_fields,
    problem_text,
    replace_all,
    replacements_of,
    summary_of,
    system_log_entry,
)

TIME = "2026-01-01T00:00:00.000000000Z"


def cut(data, places):
    edges = sorted({0, len(data), *(place % (len(data) + 1) for place in places)})
    return [data[start:end] for start, end in pairwise(edges)]


@given(st.binary(), st.lists(st.integers(0, 1000)))
def test_lines_do_not_depend_on_the_chunks(data, places):
    """However the bytes are cut, the same lines come out, and none is lost."""
    lines = LineBuffer()
    found = [line for chunk in cut(data, places) for line in lines.feed(chunk)]
    assert [*found, lines.flush()] == data.split(b"\n")


def test_line_without_an_end_is_cut():
    """Nobody's output may fill the memory."""
    lines = LineBuffer()
    pieces = [line for _ in range(40) for line in lines.feed(b"x" * 100_000)]
    assert pieces
    assert sum(map(len, [*pieces, lines.flush()])) == 4_000_000


@given(st.text("ab", min_size=1, max_size=4), st.text("ab"), st.lists(st.integers(0, 1000)))
def test_needle_is_found_over_chunks(text, output, places):
    """The healthy output is found if it is there, however it arrives."""
    search = TextSearch(text)
    found = [search.feed(chunk) for chunk in cut(output.encode(), places)]
    assert any(found) == (text in output)


def test_json_lines_are_passed_on_as_they_are():
    """Byte for byte: the services' own log lines."""
    line = b'{"time":"x",  "level":"INFO","msg":"\xc3\xbc"}'
    assert system_log_entry(line + b"\n", "one", TIME) == line


@pytest.mark.parametrize(
    ("line", "level", "message"),
    [
        (b"[7] 2026/11/21 09:47:09.645453 [INF] Server is ready", "INFO", "Server is ready"),
        (b"[7] 2026/11/21 09:47:09.645453 [WRN] slow", "WARN", "slow"),
        (b"[7] 2026/11/21 09:47:09.645453 [ERR] bad", "ERROR", "bad"),
        (b"[7] 2026/11/21 09:47:09.645453 [FTL] worst", "ERROR", "worst"),
        (b"[7] 2026/11/21 09:47:09.645453 [DBG] chatter", "DEBUG", "chatter"),
        (
            b'[7] 2026/11/21 09:47:09.645453 [ERR] Address "0.0.0.0" can not be resolved properly',
            "INFO",
            'Address "0.0.0.0" can not be resolved properly',
        ),
        (
            b'[7] 2026/11/21 09:47:09.645453 [ERR] Address "my.host" can not be resolved properly',
            "ERROR",
            'Address "my.host" can not be resolved properly',
        ),
        (b"plain text", "INFO", "plain text"),
        (b'{"cut off', "INFO", '{"cut off'),
        (b"[1, 2]", "INFO", "[1, 2]"),
        (b"\xff\xfe", "INFO", "\ufffd\ufffd"),
    ],
)
def test_other_lines_are_wrapped(line, level, message):
    """With the time, the service, and the level that nats-server says."""
    entry = json.loads(system_log_entry(line, "one", TIME))
    assert entry == {"time": TIME, "level": level, "msg": message, "service": "one"}


@pytest.mark.parametrize("line", [b"", b"  \r", b"[7] 2026/11/21 09:47:09.645966 [INF]  "])
def test_empty_lines_are_left_out(line):
    """They say nothing."""
    assert system_log_entry(line, "one", TIME) is None


def test_secrets_are_masked():
    """Wherever they stand; a short one may be an ordinary word and is left."""
    line = system_log_entry(b'{"msg":"token VerySecretToken and on"}', "one", TIME, [b"VerySecretToken", b"on"])
    assert json.loads(line)["msg"] == "token *****MASKED***** and on"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b"in /run/a/x.conf:3 and /run/a/x.conf", b"in /conf/x.conf:3 and /conf/x.conf"),
        ('{"file":"/run/ü\\"/y"}'.encode(), '{"file":"/conf/ü\\"/y"}'.encode()),
        (b'{"file":"/run/\\u00fc\\"/y"}', b'{"file":"/conf/\\u00fc\\"/y"}'),
        ('as it is: /run/ü"/y'.encode(), 'as it is: /conf/ü"/y'.encode()),
        (b"/run/other", b"/run/other"),
    ],
)
def test_files_are_called_otherwise(line, said):
    """However a path is written in the output."""
    assert replace_all(line, replacements_of({"/run/a/x.conf": "/conf/x.conf", '/run/ü"/y': '/conf/ü"/y'})) == said


@pytest.mark.parametrize(
    ("entry", "text"),
    [
        (
            b'{"level":"ERROR","msg":"config error","path":"a[0].b","line":7,"rule":"must be 1"}',
            "a[0].b (line 7): must be 1",
        ),
        (b'{"level":"ERROR","msg":"config error","path":"","line":null,"rule":"is not JSON"}', "file: is not JSON"),
        (b'{"level":"ERROR","msg":"config error","path":3,"line":"7","rule":"is odd"}', "file: is odd"),
        (b'{"level":"ERROR","msg":"config not taken","reason":"port 1 is taken"}', "port 1 is taken"),
        (b'{"level":"INFO","msg":"line 3 of x.conf is bad","service":"bus"}', "line 3 of x.conf is bad"),
        (b'{"level":"INFO","msg":7}', ""),
        (b"text", ""),
    ],
)
def test_problem_of_a_config(entry, text):
    """Where it is and what is expected there, else what the service says."""
    assert problem_text(entry) == text


def test_summary_of_problems():
    """The first error, and how many more; of a program that knows no levels, its first line."""
    errors = [b'{"level":"ERROR","msg":"%d"}' % number for number in range(3)]
    warning = b'{"level":"WARN","msg":"warning"}'
    assert summary_of([warning, *errors]) == "0 (and 2 more problems)"
    assert summary_of([warning, *errors[:2]]) == "0 (and 1 more problem)"
    assert summary_of([warning, errors[2]]) == "2"
    assert summary_of([b'{"level":"INFO","msg":"bad"}', b'{"level":"INFO","msg":""}']) == "bad"
    assert summary_of([]) == ""


@pytest.mark.parametrize(("line", "found"), [(b'{"a":1}', {"a": 1}), (b"[1]", {}), (b"{", {}), (b"text", {})])
def test_fields(line, found):
    """The fields of a JSON object, of anything else none."""
    assert json_fields(line) == found
