import json

from gecholog.llm.tool_failure import failure_text


def test_a_failure_is_an_object_with_the_words_of_the_tool() -> None:
    assert json.loads(failure_text('no "such" town\n')) == {"error": 'no "such" town\n'}
