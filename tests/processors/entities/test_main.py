"""entities as a program, beside a real gateway."""

from pathlib import Path

from tests.processors.rig import entry, house

EXAMPLE = Path(__file__).parents[3] / "processors" / "entities" / "gl_config.json"
QUESTION = {"messages": [{"role": "user", "content": "Who founded Microsoft?"}]}
ANSWER = b'{"choices":[{"message":{"content":"It was Bill Gates, on April 4, 1975."}}]}'


def labels(found):
    return [(entity["text"], entity["label"]) for entity in found["entities"]]


def test_in_the_record(tmp_path, plain_nats_server):
    """With the example's config each record has what request and answer name."""
    with house(tmp_path, plain_nats_server, EXAMPLE) as home:
        home.run_module("processors.entities")
        home.upstream.behaviour = lambda talk: talk.reply(ANSWER)
        record = home.record(home.post("/dummy/v1", QUESTION))
        assert labels(record["request"]["entities"]) == [("Microsoft", "NAME")]
        assert labels(record["response"]["entities"]) == [("Bill Gates", "NAME"), ("April 4, 1975", "DATE")]


def test_with_the_original_entries(tmp_path, plain_nats_server):
    """Under the subject and the field of the original's spacyentities its entries work as they are."""
    common = {"async": True, "output_fields_write": ["spacy_entities"], "service_bus_topic": "coburn.gl.spacyentities"}
    rows = [[entry("spacy_entities", **common | {"input_fields_include": ["egress_payload"]})]]
    with house(tmp_path, plain_nats_server, response={"processors": rows}) as home:
        subject = "coburn.gl.spacyentities"
        home.run_module("processors.entities", ENTITIES_SUBJECT=subject, ENTITIES_FIELD="spacy_entities")
        home.upstream.behaviour = lambda talk: talk.reply(ANSWER)
        record = home.record(home.post("/service/v1", QUESTION))
        assert labels(record["response"]["spacy_entities"])[0] == ("Bill Gates", "NAME")
