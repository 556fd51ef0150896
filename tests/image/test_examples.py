"""The files of examples/compose do what they are there for. The containers share one network of their own here, so that
the name of each of them is localhost.
"""

from pathlib import Path

from tests.image.engine import HARDENED
from tests.support.ports import with_ports
from tests.support.waiting import until

EXAMPLES = Path(__file__).parents[2] / "examples" / "compose"
DEFAULTS = Path(__file__).parents[2] / "conf"
TOKEN = ("--env", "NATS_TOKEN=TokenOfTheExamples")
USERS = ("--env", "NATS_USERS=on", "--env", "NATS_PROCESSOR_PASSWORD=PasswordOfTheExamples")
PROCESSOR = ("--env", "NATS_USER=processor", "--env", "NATS_PASSWORD=PasswordOfTheExamples")


def mounted(target, file):
    return ("--volume", f"{file}:{target}:ro")


def config(name, file):
    return mounted(f"/app/conf/{name}", file)


def test_processor(containers, engine):
    """What it writes is in the record."""
    folder = EXAMPLES / "processor"
    gecholog = containers(*TOKEN, *USERS, *config("gl_config.json", folder / "gl_config.json"))
    gecholog.becomes_healthy()
    processor = containers(
        *engine.read_only,
        *HARDENED,
        *PROCESSOR,
        *mounted("/prompt_size.py", folder / "prompt_size.py"),
        "--env",
        "GECHOLOG_HOST=localhost",
        command=("python", "/prompt_size.py"),
        network=f"container:{gecholog.name}",
    )

    def measured():
        gecholog.call()
        return [record for record in gecholog.records() if "prompt_size" in record["request"]]

    found = until(measured, "a record with the size of its prompt")
    assert found[0]["request"]["prompt_size"] == {"messages": 1, "characters": len("Hello")}
    assert processor.state()["Running"]


def test_two_gateways(containers, tmp_path):
    """Both serve, and the one log has the records of both, with their tokens counted."""
    folder = EXAMPLES / "two-gateways"
    bus = containers(*TOKEN, *config("ginit_config.json", folder / "bus_ginit_config.json"))
    bus.becomes_healthy()
    for number in (1, 2):
        ports = {"5380": f"538{number}", "5390": f"539{number}", "bus:4222": "localhost:4222"}
        mounts = [
            *config("ginit_config.json", folder / "gateway_ginit_config.json"),
            *config("gl_config.json", moved(folder / "gl_config.json", ports, tmp_path / f"gl{number}")),
            *config("dummy_config.json", moved(DEFAULTS / "dummy_config.json", ports, tmp_path / f"dummy{number}")),
        ]
        options = (*TOKEN, "--env", f"GATEWAY_ID=GECHO00{number}", *mounts)
        gateway = containers(*options, network=f"container:{bus.name}")
        gateway.becomes_healthy()
        gateway.call(3, url=f"http://localhost:538{number}/dummy/v1/chat/completions")
    until(lambda: len(bus.records()) >= 6, "six records")
    records = bus.records()
    assert sorted(record["session_id"][:8] for record in records) == ["GECHO001"] * 3 + ["GECHO002"] * 3
    assert all(record["response"]["token_count"]["total_tokens"] > 0 for record in records)


def moved(file, ports, copy):
    """A copy of a config with other ports, which everybody may read."""
    copy.write_text(with_ports(file.read_text(), ports))
    copy.chmod(0o644)
    return copy
