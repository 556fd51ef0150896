"""Behaviour set by config and headers, and which requests fail."""

import pytest
from multidict import CIMultiDict

from services.dummy.api_error import ApiError
from services.dummy.behaviour import Behaviour, Failures, from_headers

USUAL = Behaviour(latency=0.1, chunks=3, chunk_delay=0.2, error_rate=0.5)


def headers(**values):
    return CIMultiDict({name.replace("_", "-"): value for name, value in values.items()})


def test_nothing_asked():
    """Without headers the config applies."""
    assert from_headers(headers(accept="*/*"), USUAL) is USUAL


def test_all_asked():
    """Headers override the config, in any letter case."""
    given = headers(
        x_dummy_latency_ms="1500",
        X_DUMMY_CHUNKS="7",
        X_Dummy_Chunk_Delay_Ms="0.5",
        X_Dummy_Error_Rate="0",
        X_Dummy_Status="429",
    )
    assert from_headers(given, USUAL) == Behaviour(latency=1.5, chunks=7, chunk_delay=0.0005, error_rate=0, status=429)


def test_one_asked():
    """Settings without a header stay as in the config."""
    assert from_headers(headers(X_Dummy_Chunks="7"), USUAL) == Behaviour(0.1, 7, 0.2, 0.5)


def test_a_status_alone_is_certain():
    """A status without a rate always applies."""
    assert from_headers(headers(X_Dummy_Status="503"), USUAL).error_rate == 1


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X_Dummy_Latency_Ms", "soon"),
        ("X_Dummy_Latency_Ms", "-1"),
        ("X_Dummy_Latency_Ms", "nan"),
        ("X_Dummy_Latency_Ms", "1e9"),
        ("X_Dummy_Chunks", "1.5"),
        ("X_Dummy_Chunks", "10001"),
        ("X_Dummy_Chunks", "9" * 5000),
        ("X_Dummy_Chunk_Delay_Ms", ""),
        ("X_Dummy_Error_Rate", "1.1"),
        ("X_Dummy_Status", "200"),
        ("X_Dummy_Status", "600"),
        ("X_Dummy_Status", "²"),
    ],
)
def test_senseless(name, value):
    """An invalid value is refused with the name of the header."""
    with pytest.raises(ApiError) as caught:
        from_headers(headers(**{name: value}), USUAL)
    assert caught.value.param.lower() == name.replace("_", "-").lower()


@pytest.mark.parametrize(("rate", "failed"), [(0, 0), (0.001, 1), (0.1, 100), (0.25, 250), (1, 1000)])
def test_failures(rate, failed):
    """Of a thousand requests exactly the configured share fails."""
    failures = Failures()
    assert sum(failures.next(rate) for _ in range(1000)) == failed
