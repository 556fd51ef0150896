"""Services that cost more than the usual one."""

import json

import pytest

from gecholog.llm.service_tier import dearer_tier, has_dearer_tier


@pytest.mark.parametrize(
    ("body", "tier"),
    [
        (b'{"service_tier": "priority"}', "priority"),
        (b'{"service_tier": "auto"}', ""),
        (b'{"service_tier": "flex"}', ""),
        (b'{"service_tier": null}', ""),
        (b'{"speed": "fast"}', "fast"),
        (b'{"speed": 1.5}', ""),
        (b'{"inference_geo": "US"}', "us"),
        (b'{"inference_geo": "global"}', ""),
        (b'{"performanceConfig": {"latency": "optimized"}}', "optimized"),
        (b'{"performanceConfig": {"latency": "standard"}}', ""),
        (b'{"speed": "us", "inference_geo": "fast"}', ""),
        (b'{"serviceTier": {"type": "priority"}}', "priority"),
        (b'{"service\\u005ftier": "Priority"}', "priority"),
        (b'{"service_tier": "priority", "service_tier": "default"}', "priority"),
        (b'{"messages": [{"content": [{"type": "tool_use", "input": {"speed": "fast"}}]}]}', ""),
        (json.dumps({"service_tier": "priority"}).encode("utf-16"), "priority"),
        (b"\0\1", ""),
        (b"", ""),
    ],
)
def test_of_a_body(body, tier):
    assert dearer_tier(body, {}) == tier


def test_where_clients_write_it():
    """The cheap look finds it at both ends of a large request. The thorough one finds it anywhere."""
    for before, after in ((0, 10_000), (10_000, 0), (10_000, 10_000)):
        body = json.dumps({"a": "x" * before, "service_tier": "priority", "b": "x" * after}).encode()
        assert dearer_tier(body, {}) == "priority"
        assert has_dearer_tier(body, {}) == (0 in (before, after))
    assert not has_dearer_tier(b'{"service_tier": "default"}', {})


def test_of_a_header():
    assert dearer_tier(b"{}", {"X-Amzn-Bedrock-Service-Tier": ["priority"]}) == "priority"
    assert dearer_tier(b"{}", {"X-Vertex-Ai-Llm-Shared-Request-Type": ["Priority"]}) == "priority"
    latency = "X-Amzn-Bedrock-Performanceconfig-Latency"
    assert dearer_tier(b"{}", {"X-Amzn-Bedrock-Service-Tier": ["default"], latency: ["optimized"]}) == "optimized"
    assert dearer_tier(b"{}", {"X-Amzn-Bedrock-Service-Tier": ["default"]}) == ""
