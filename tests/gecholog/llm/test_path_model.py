"""Models in paths."""

import pytest

from gecholog.llm.path_model import models_in_path


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("/v1/chat/completions", ()),
        ("/v1/models", ()),
        ("/v1beta/models/gemini-2.5-pro:generateContent", ("gemini-2.5-pro",)),
        ("/v1/projects/p/locations/l/publishers/google/models/g:predict", ("g",)),
        ("/openai/deployments/gpt%2D4o/chat/completions", ("gpt-4o",)),
        ("/model/anthropic.claude%3A0/converse", ("anthropic.claude:0",)),
        ("/v1/engines/davinci/completions", ("davinci",)),
        ("/openai/Deployments/GPT-4o/chat/completions", ("GPT-4o",)),
        ("/openai/deployments//gpt-4o/chat/completions", ("gpt-4o",)),
        ("/openai/deployment%73%2Fgpt-4o/chat/completions", ("gpt-4o",)),
    ],
)
def test_the_model_in_a_path(path, names):
    assert models_in_path(path) == names
