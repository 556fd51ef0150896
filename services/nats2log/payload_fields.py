"""Payload fields that get a column of their own: the top-level fields of LLM requests and responses.

The list is closed on purpose. If clients could create columns, a table would be full sooner or later.
"""

from __future__ import annotations

_SHARED = "model messages message id type role system prompt input text content format data error metadata user name"

_REQUEST = """
    stream stream_options temperature top_p top_k min_p n stop stop_sequences seed max_tokens max_completion_tokens
    max_output_tokens presence_penalty frequency_penalty logit_bias logprobs top_logprobs tools tool_choice
    parallel_tool_calls response_format reasoning reasoning_effort thinking service_tier store instructions
    previous_response_id truncation modalities dimensions encoding_format size quality voice background options
    keep_alive raw suffix template images documents query contents generationConfig systemInstruction safetySettings
    toolConfig cachedContent
"""

_RESPONSE = """
    object created created_at completed_at status choices output output_text usage stop_reason stop_sequence
    finish_reason system_fingerprint incomplete_details candidates promptFeedback usageMetadata modelVersion responseId
    response done done_reason total_duration load_duration prompt_eval_count prompt_eval_duration eval_count
    eval_duration embedding embeddings result results meta tool_plan
"""

# Written by gl instead of a payload that is too large, or is neither JSON nor text.
_SUMMARY = "size sha256 head content_type"

FIELDS = frozenset(f"{_SHARED} {_REQUEST} {_RESPONSE} {_SUMMARY}".split())
