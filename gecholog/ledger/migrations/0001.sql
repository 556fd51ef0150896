-- The first schema. {text}, {big}, {small}, {number} and {bytes} stand for the types of the database (migrate.py).

CREATE TABLE calls (
    number {number},
    id {text} NOT NULL UNIQUE,
    stream_sequence {big},
    started_us {big} NOT NULL,
    session_id {text} NOT NULL,
    transaction_id {text} NOT NULL,
    router {text} NOT NULL,
    method {text} NOT NULL,
    endpoint {text} NOT NULL,
    client_key {text} NOT NULL,
    client_name {text} NOT NULL,
    owner {text} NOT NULL,
    tags {text} NOT NULL,
    requested_model {text} NOT NULL,
    provider {text} NOT NULL,
    model {text} NOT NULL,
    status {small},
    status_class {small} NOT NULL,
    error_class {text} NOT NULL,
    streamed {small} NOT NULL,
    completed {small} NOT NULL,
    attempt_count {small} NOT NULL,
    usage_source {text} NOT NULL,
    prompt_tokens {big},
    completion_tokens {big},
    total_tokens {big},
    cached_tokens {big},
    cache_creation_tokens {big},
    reasoning_tokens {big},
    cost_pico {big},
    extra_cost_pico {big} NOT NULL,
    price_version {text} NOT NULL,
    duration_us {big} NOT NULL,
    upstream_us {big} NOT NULL,
    first_chunk_us {big},
    overhead_us {big} NOT NULL,
    latency_bucket {small} NOT NULL,
    request_bytes {big} NOT NULL,
    response_bytes {big} NOT NULL,
    failed_processors {text} NOT NULL
);
CREATE INDEX calls_started ON calls (started_us);
CREATE INDEX calls_router ON calls (router, started_us);
CREATE INDEX calls_client ON calls (client_key, started_us) WHERE client_key <> '';
CREATE INDEX calls_owner ON calls (owner, started_us) WHERE owner <> '';
CREATE INDEX calls_model ON calls (model, started_us);
CREATE INDEX calls_error ON calls (error_class, started_us, status) WHERE error_class <> '';
CREATE INDEX calls_session ON calls (session_id);

CREATE TABLE attempts (
    call_id {text} NOT NULL,
    number {small} NOT NULL,
    router {text} NOT NULL,
    provider {text} NOT NULL,
    model {text} NOT NULL,
    host {text} NOT NULL,
    status {small},
    error {text} NOT NULL,
    started_us {big} NOT NULL,
    duration_us {big} NOT NULL,
    prompt_tokens {big},
    completion_tokens {big},
    cost_pico {big},
    PRIMARY KEY (call_id, number)
){without_rowid};

CREATE TABLE call_tags (
    tag {text} NOT NULL,
    started_us {big} NOT NULL,
    call_id {text} NOT NULL,
    PRIMARY KEY (tag, started_us, call_id)
){without_rowid};
CREATE INDEX call_tags_call ON call_tags (call_id);

CREATE TABLE payloads (
    call_id {text} NOT NULL PRIMARY KEY,
    started_us {big} NOT NULL,
    request {bytes},
    response {bytes}
);
CREATE INDEX payloads_started ON payloads (started_us);

CREATE TABLE clients (
    client_key {text} NOT NULL PRIMARY KEY,
    name {text} NOT NULL,
    owner {text} NOT NULL,
    seen_us {big} NOT NULL
);

CREATE TABLE hourly_models (
    hour {big} NOT NULL, provider {text} NOT NULL, model {text} NOT NULL, status_class {small} NOT NULL,
    calls {big} NOT NULL, errors {big} NOT NULL, streamed {big} NOT NULL, unpriced {big} NOT NULL,
    prompt_tokens {big} NOT NULL, completion_tokens {big} NOT NULL, total_tokens {big} NOT NULL,
    cached_tokens {big} NOT NULL, cache_creation_tokens {big} NOT NULL, reasoning_tokens {big} NOT NULL,
    cost_pico {big} NOT NULL, extra_cost_pico {big} NOT NULL, duration_us {big} NOT NULL,
    request_bytes {big} NOT NULL, response_bytes {big} NOT NULL, h00 {big} NOT NULL, h01 {big} NOT NULL,
    h02 {big} NOT NULL, h03 {big} NOT NULL, h04 {big} NOT NULL, h05 {big} NOT NULL, h06 {big} NOT NULL,
    h07 {big} NOT NULL, h08 {big} NOT NULL, h09 {big} NOT NULL, h10 {big} NOT NULL, h11 {big} NOT NULL,
    h12 {big} NOT NULL, h13 {big} NOT NULL, h14 {big} NOT NULL, h15 {big} NOT NULL, h16 {big} NOT NULL,
    h17 {big} NOT NULL, h18 {big} NOT NULL, h19 {big} NOT NULL, h20 {big} NOT NULL, h21 {big} NOT NULL,
    h22 {big} NOT NULL, h23 {big} NOT NULL, h24 {big} NOT NULL, h25 {big} NOT NULL, h26 {big} NOT NULL,
    h27 {big} NOT NULL, h28 {big} NOT NULL, h29 {big} NOT NULL, h30 {big} NOT NULL, h31 {big} NOT NULL,
    h32 {big} NOT NULL, h33 {big} NOT NULL, h34 {big} NOT NULL, h35 {big} NOT NULL, h36 {big} NOT NULL,
    h37 {big} NOT NULL, h38 {big} NOT NULL, h39 {big} NOT NULL, h40 {big} NOT NULL, h41 {big} NOT NULL,
    h42 {big} NOT NULL, h43 {big} NOT NULL, h44 {big} NOT NULL, h45 {big} NOT NULL, h46 {big} NOT NULL,
    h47 {big} NOT NULL, h48 {big} NOT NULL, h49 {big} NOT NULL,
    PRIMARY KEY (hour, provider, model, status_class)
){without_rowid};

CREATE TABLE hourly_clients (
    hour {big} NOT NULL, client_key {text} NOT NULL, owner {text} NOT NULL,
    calls {big} NOT NULL, errors {big} NOT NULL, streamed {big} NOT NULL, unpriced {big} NOT NULL,
    prompt_tokens {big} NOT NULL, completion_tokens {big} NOT NULL, total_tokens {big} NOT NULL,
    cached_tokens {big} NOT NULL, cache_creation_tokens {big} NOT NULL, reasoning_tokens {big} NOT NULL,
    cost_pico {big} NOT NULL, extra_cost_pico {big} NOT NULL, duration_us {big} NOT NULL,
    request_bytes {big} NOT NULL, response_bytes {big} NOT NULL, h00 {big} NOT NULL, h01 {big} NOT NULL,
    h02 {big} NOT NULL, h03 {big} NOT NULL, h04 {big} NOT NULL, h05 {big} NOT NULL, h06 {big} NOT NULL,
    h07 {big} NOT NULL, h08 {big} NOT NULL, h09 {big} NOT NULL, h10 {big} NOT NULL, h11 {big} NOT NULL,
    h12 {big} NOT NULL, h13 {big} NOT NULL, h14 {big} NOT NULL, h15 {big} NOT NULL, h16 {big} NOT NULL,
    h17 {big} NOT NULL, h18 {big} NOT NULL, h19 {big} NOT NULL, h20 {big} NOT NULL, h21 {big} NOT NULL,
    h22 {big} NOT NULL, h23 {big} NOT NULL, h24 {big} NOT NULL, h25 {big} NOT NULL, h26 {big} NOT NULL,
    h27 {big} NOT NULL, h28 {big} NOT NULL, h29 {big} NOT NULL, h30 {big} NOT NULL, h31 {big} NOT NULL,
    h32 {big} NOT NULL, h33 {big} NOT NULL, h34 {big} NOT NULL, h35 {big} NOT NULL, h36 {big} NOT NULL,
    h37 {big} NOT NULL, h38 {big} NOT NULL, h39 {big} NOT NULL, h40 {big} NOT NULL, h41 {big} NOT NULL,
    h42 {big} NOT NULL, h43 {big} NOT NULL, h44 {big} NOT NULL, h45 {big} NOT NULL, h46 {big} NOT NULL,
    h47 {big} NOT NULL, h48 {big} NOT NULL, h49 {big} NOT NULL,
    PRIMARY KEY (hour, client_key, owner)
){without_rowid};

CREATE TABLE hourly_routers (
    hour {big} NOT NULL, router {text} NOT NULL,
    calls {big} NOT NULL, errors {big} NOT NULL, streamed {big} NOT NULL, unpriced {big} NOT NULL,
    prompt_tokens {big} NOT NULL, completion_tokens {big} NOT NULL, total_tokens {big} NOT NULL,
    cached_tokens {big} NOT NULL, cache_creation_tokens {big} NOT NULL, reasoning_tokens {big} NOT NULL,
    cost_pico {big} NOT NULL, extra_cost_pico {big} NOT NULL, duration_us {big} NOT NULL,
    request_bytes {big} NOT NULL, response_bytes {big} NOT NULL, h00 {big} NOT NULL, h01 {big} NOT NULL,
    h02 {big} NOT NULL, h03 {big} NOT NULL, h04 {big} NOT NULL, h05 {big} NOT NULL, h06 {big} NOT NULL,
    h07 {big} NOT NULL, h08 {big} NOT NULL, h09 {big} NOT NULL, h10 {big} NOT NULL, h11 {big} NOT NULL,
    h12 {big} NOT NULL, h13 {big} NOT NULL, h14 {big} NOT NULL, h15 {big} NOT NULL, h16 {big} NOT NULL,
    h17 {big} NOT NULL, h18 {big} NOT NULL, h19 {big} NOT NULL, h20 {big} NOT NULL, h21 {big} NOT NULL,
    h22 {big} NOT NULL, h23 {big} NOT NULL, h24 {big} NOT NULL, h25 {big} NOT NULL, h26 {big} NOT NULL,
    h27 {big} NOT NULL, h28 {big} NOT NULL, h29 {big} NOT NULL, h30 {big} NOT NULL, h31 {big} NOT NULL,
    h32 {big} NOT NULL, h33 {big} NOT NULL, h34 {big} NOT NULL, h35 {big} NOT NULL, h36 {big} NOT NULL,
    h37 {big} NOT NULL, h38 {big} NOT NULL, h39 {big} NOT NULL, h40 {big} NOT NULL, h41 {big} NOT NULL,
    h42 {big} NOT NULL, h43 {big} NOT NULL, h44 {big} NOT NULL, h45 {big} NOT NULL, h46 {big} NOT NULL,
    h47 {big} NOT NULL, h48 {big} NOT NULL, h49 {big} NOT NULL,
    PRIMARY KEY (hour, router)
){without_rowid};
