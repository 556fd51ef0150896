"""Makes OpenTelemetry spans from finished records. Pure.

otlp_json      spans as a request of OTLP/HTTP in JSON, and what the response to it says
call_spans     the spans of one record: the call, and all below it
attempt_spans  requests to upstreams
work_spans     processors, and the rating of a classifier
model_call     what the span of an attempt tells about the model: provider, operation, tokens
content        prompts and answers, which are exported only on request
recorded_call  a record with the ids of its trace
span           a span
semantics      all names of attributes, with the version of the conventions
fields         reads records, in which processors may have put any value
"""
