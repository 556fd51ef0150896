"""The names of attributes in spans, by the semantic conventions of OpenTelemetry. No other module writes them.

Those for generative AI are still in development and change between versions. `SCHEMA_URL` tells receivers which version
these names are of.
"""

from __future__ import annotations

SCHEMA_URL = "https://opentelemetry.io/schemas/1.41.0"

# Of the resource and the scope:
SERVICE_NAME = "service.name"
SCOPE_NAME = "gecholog"

# Of HTTP, which are stable:
HTTP_METHOD = "http.request.method"
HTTP_RESEND_COUNT = "http.request.resend_count"
HTTP_STATUS = "http.response.status_code"
HTTP_ROUTE = "http.route"
URL_FULL = "url.full"
URL_PATH = "url.path"
CLIENT_ADDRESS = "client.address"
SERVER_ADDRESS = "server.address"
SERVER_PORT = "server.port"
ERROR_TYPE = "error.type"
OTHER_ERROR = "_OTHER"

# Of generative AI, which are in development:
OPERATION = "gen_ai.operation.name"
PROVIDER = "gen_ai.provider.name"
REQUEST_MODEL = "gen_ai.request.model"
REQUEST_MAX_TOKENS = "gen_ai.request.max_tokens"
REQUEST_TEMPERATURE = "gen_ai.request.temperature"
REQUEST_TOP_P = "gen_ai.request.top_p"
RESPONSE_MODEL = "gen_ai.response.model"
RESPONSE_ID = "gen_ai.response.id"
FINISH_REASONS = "gen_ai.response.finish_reasons"
INPUT_TOKENS = "gen_ai.usage.input_tokens"
OUTPUT_TOKENS = "gen_ai.usage.output_tokens"
CACHE_READ_TOKENS = "gen_ai.usage.cache_read.input_tokens"
CACHE_CREATION_TOKENS = "gen_ai.usage.cache_creation.input_tokens"
INPUT_MESSAGES = "gen_ai.input.messages"
OUTPUT_MESSAGES = "gen_ai.output.messages"

CHAT = "chat"
EMBEDDINGS = "embeddings"
GENERATE_CONTENT = "generate_content"
TEXT_COMPLETION = "text_completion"

# Of sessions, which are in development:
SESSION_ID = "session.id"

# Our own:
TRANSACTION_ID = "gecholog.transaction_id"
RECORD_ID = "gecholog.record_id"
ROUTER = "gecholog.router"
ATTEMPTS = "gecholog.attempts"
CLIENT_KEY = "gecholog.client.key"
CLIENT_NAME = "gecholog.client.name"
CLIENT_OWNER = "gecholog.client.owner"
CLIENT_TAGS = "gecholog.client.tags"
COST = "gecholog.cost.usd"
REASONING_TOKENS = "gecholog.usage.reasoning_tokens"
USAGE_SOURCE = "gecholog.usage.source"
STREAM_CHUNKS = "gecholog.stream.chunks"
STREAM_COMPLETED = "gecholog.stream.completed"
PROCESSOR = "gecholog.processor.name"
PROCESSOR_REQUIRED = "gecholog.processor.required"
PROCESSOR_COMPLETED = "gecholog.processor.completed"
PROCESSOR_ASYNC = "gecholog.processor.async"
RATING = "gecholog.classifier.rating"
FIRST_CHUNK = "gecholog.first_chunk"

# The part of a host name by which a provider is known; a name in the config may be anything.
PROVIDERS_BY_HOST = {
    "api.openai.com": "openai",
    ".openai.azure.com": "azure.ai.openai",
    ".services.ai.azure.com": "azure.ai.inference",
    "api.anthropic.com": "anthropic",
    "generativelanguage.googleapis.com": "gcp.gemini",
    "aiplatform.googleapis.com": "gcp.vertex_ai",
    ".amazonaws.com": "aws.bedrock",
    "api.cohere.com": "cohere",
    "api.deepseek.com": "deepseek",
    "api.groq.com": "groq",
    "api.mistral.ai": "mistral_ai",
    "api.perplexity.ai": "perplexity",
    "api.x.ai": "x_ai",
}
PROVIDERS_BY_NAME = {
    "azure": "azure.ai.openai",
    "bedrock": "aws.bedrock",
    "gemini": "gcp.gemini",
    "mistral": "mistral_ai",
    "vertex": "gcp.vertex_ai",
    "xai": "x_ai",
}
