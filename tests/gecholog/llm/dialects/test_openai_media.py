"""Streams of images, transcripts and speech."""

import hashlib

from gecholog import llm
from tests.gecholog.llm.samples import IMAGES, SPEECH, SSE, TRANSCRIPT, sse, sse_named


def fold(body):
    return llm.fold(body, SSE, completed=True)


def test_image():
    """The whole image and its usage, in the form of an answer that is not streamed; drafts are left out."""
    assert fold(sse_named(*IMAGES)) == {
        "data": [{"b64_json": "BBBB"}],
        "created": 1,
        "size": "1024x1024",
        "usage": {"total_tokens": 1100, "input_tokens": 44, "output_tokens": 1056},
    }


def test_large_image():
    """Of a large image the record has size and hash, and so has room for the usage."""
    image = "A" * 2_000_000
    folded = fold(sse_named({**IMAGES[1], "type": "image_edit.completed", "b64_json": image}))
    assert folded["data"] == [{"b64_json": {"size": 2_000_000, "sha256": hashlib.sha256(image.encode()).hexdigest()}}]
    assert folded["usage"]["total_tokens"] == 1100


def test_transcript():
    """The text and its usage; what was cut off is the text that came."""
    assert fold(sse(*TRANSCRIPT)) == {"text": "Hello", "usage": TRANSCRIPT[-1]["usage"]}
    assert fold(sse(*TRANSCRIPT[:1])) == {"text": "Hel"}


def test_segments():
    """Segments of a transcript by speakers are kept."""
    segment = {"type": "transcript.text.segment", "id": "seg_1", "speaker": "A", "text": "Hello"}
    assert fold(sse(segment, *TRANSCRIPT))["segments"] == [{"id": "seg_1", "speaker": "A", "text": "Hello"}]


def test_speech():
    """The sound and its usage."""
    assert fold(sse(*SPEECH)) == {"audio": "AAAABBBB", "usage": SPEECH[-1]["usage"]}


def test_error():
    """An error stands beside what came."""
    folded = fold(sse(TRANSCRIPT[0], {"type": "error", "error": {"message": "no"}}))
    assert folded == {"text": "Hel", "error": {"message": "no"}}
