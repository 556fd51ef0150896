"""entities as a program, with a real gateway."""

from pathlib import Path

from tests.processors.rig import entry, start_stack

EXAMPLE = Path(__file__).parents[3] / "processors" / "entities" / "gl_config.json"
QUESTION = {"messages": [{"role": "user", "content": "Who founded Microsoft?"}]}
ANSWER = b'{"choices":[{"message":{"content":"It was Bill Gates, on April 4, 1975."}}]}'


def labels(found):
    return [(entity["text"], entity["label"]) for entity in found["entities"]]


def test_in_the_record(tmp_path, plain_nats_server):
    """With the example's config each record has the entities of request and response."""
    with start_stack(tmp_path, plain_nats_server, EXAMPLE) as stack:
        stack.run_module("processors.entities")
        stack.upstream.behaviour = lambda talk: talk.reply(ANSWER)
        record = stack.record(stack.post("/dummy/v1", QUESTION))
        assert labels(record["request"]["entities"]) == [("Microsoft", "NAME")]
        assert labels(record["response"]["entities"]) == [("Bill Gates", "NAME"), ("April 4, 1975", "DATE")]


def test_with_the_original_entries(tmp_path, plain_nats_server):
    """With the subject and field of the original's spacyentities, its entries work unchanged."""
    common = {"async": True, "output_fields_write": ["spacy_entities"], "service_bus_topic": "coburn.gl.spacyentities"}
    rows = [[entry("spacy_entities", **common | {"input_fields_include": ["egress_payload"]})]]
    with start_stack(tmp_path, plain_nats_server, response={"processors": rows}) as stack:
        subject = "coburn.gl.spacyentities"
        stack.run_module("processors.entities", ENTITIES_SUBJECT=subject, ENTITIES_FIELD="spacy_entities")
        stack.upstream.behaviour = lambda talk: talk.reply(ANSWER)
        record = stack.record(stack.post("/service/v1", QUESTION))
        assert labels(record["response"]["spacy_entities"])[0] == ("Bill Gates", "NAME")
