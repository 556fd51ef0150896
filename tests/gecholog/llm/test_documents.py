from gecholog.llm.chat import File, Text
from gecholog.llm.documents import titled_text, with_contexts_as_texts


def test_a_context_stands_in_front_of_its_document() -> None:
    plain, told = File("AAAA"), File("AAAA", context="of 1999")
    assert with_contexts_as_texts((Text("see"), plain, told)) == [Text("see"), plain, Text("of 1999"), told]


def test_a_title_stands_in_front_of_the_text() -> None:
    assert titled_text(File(text="words", name="Report")) == "Report\n\nwords"
    assert titled_text(File(text="words")) == "words"
