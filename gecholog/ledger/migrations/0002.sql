-- Sums of days, and sums of every combination of values that calls have ("groups"), by hour and by day. All of them are
-- filled from what is there. The id of its group replaces five indexes of a call, and the table of its tags.

CREATE TABLE call_groups (
    id {number},
    router {text} NOT NULL,
    client_key {text} NOT NULL,
    owner {text} NOT NULL,
    tags {text} NOT NULL,
    provider {text} NOT NULL,
    model {text} NOT NULL,
    status {small} NOT NULL, -- 0: no reply
    error_class {text} NOT NULL,
    UNIQUE (client_key, router, model, provider, owner, tags, status, error_class)
);

INSERT INTO call_groups (router, client_key, owner, tags, provider, model, status, error_class)
    SELECT DISTINCT router, client_key, owner, tags, provider, model, coalesce(status, 0), error_class FROM calls;

DROP INDEX calls_router;
DROP INDEX calls_client;
DROP INDEX calls_owner;
DROP INDEX calls_model;
DROP INDEX calls_error;
DROP TABLE call_tags;
ALTER TABLE calls ADD COLUMN group_id {big} NOT NULL DEFAULT 0;
UPDATE calls SET group_id = (
    SELECT call_groups.id FROM call_groups
    WHERE call_groups.client_key = calls.client_key AND call_groups.router = calls.router
    AND call_groups.model = calls.model AND call_groups.provider = calls.provider AND call_groups.owner = calls.owner
    AND call_groups.tags = calls.tags AND call_groups.status = coalesce(calls.status, 0)
    AND call_groups.error_class = calls.error_class
);
CREATE INDEX calls_group ON calls (group_id, started_us);

CREATE TABLE hourly_groups (
    group_id {big} NOT NULL, hour {big} NOT NULL, last_us {big} NOT NULL,
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
    PRIMARY KEY (group_id, hour)
){without_rowid};

CREATE TABLE daily_groups (
    group_id {big} NOT NULL, day {big} NOT NULL, last_us {big} NOT NULL,
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
    PRIMARY KEY (group_id, day)
){without_rowid};

CREATE TABLE daily_models (
    day {big} NOT NULL, provider {text} NOT NULL, model {text} NOT NULL, status_class {small} NOT NULL,
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
    PRIMARY KEY (day, provider, model, status_class)
){without_rowid};

CREATE TABLE daily_clients (
    day {big} NOT NULL, client_key {text} NOT NULL, owner {text} NOT NULL,
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
    PRIMARY KEY (day, client_key, owner)
){without_rowid};

CREATE TABLE daily_routers (
    day {big} NOT NULL, router {text} NOT NULL,
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
    PRIMARY KEY (day, router)
){without_rowid};

CREATE TABLE hourly_outcomes (
    hour {big} NOT NULL, router {text} NOT NULL, error_class {text} NOT NULL, status {small} NOT NULL,
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
    PRIMARY KEY (hour, router, error_class, status)
){without_rowid};

CREATE TABLE daily_outcomes (
    day {big} NOT NULL, router {text} NOT NULL, error_class {text} NOT NULL, status {small} NOT NULL,
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
    PRIMARY KEY (day, router, error_class, status)
){without_rowid};

INSERT INTO hourly_groups (group_id, hour, last_us,
    calls, errors, streamed, unpriced, prompt_tokens, completion_tokens, total_tokens, cached_tokens,
    cache_creation_tokens, reasoning_tokens, cost_pico, extra_cost_pico, duration_us, request_bytes, response_bytes,
    h00, h01, h02, h03, h04, h05, h06, h07, h08, h09, h10, h11, h12, h13, h14, h15, h16, h17, h18, h19, h20, h21, h22,
    h23, h24, h25, h26, h27, h28, h29, h30, h31, h32, h33, h34, h35, h36, h37, h38, h39, h40, h41, h42, h43, h44, h45,
    h46, h47, h48, h49)
    SELECT group_id, started_us / 3600000000, max(started_us),
    count(*), sum(CASE WHEN error_class <> '' THEN 1 ELSE 0 END), coalesce(sum(streamed), 0),
    sum(CASE WHEN cost_pico IS NULL AND total_tokens > 0 THEN 1 ELSE 0 END), coalesce(sum(prompt_tokens), 0),
    coalesce(sum(completion_tokens), 0), coalesce(sum(total_tokens), 0), coalesce(sum(cached_tokens), 0),
    coalesce(sum(cache_creation_tokens), 0), coalesce(sum(reasoning_tokens), 0), coalesce(sum(cost_pico), 0),
    coalesce(sum(extra_cost_pico), 0), coalesce(sum(duration_us), 0), coalesce(sum(request_bytes), 0),
    coalesce(sum(response_bytes), 0), sum(CASE latency_bucket WHEN 0 THEN 1 ELSE 0 END),
    sum(CASE latency_bucket WHEN 1 THEN 1 ELSE 0 END), sum(CASE latency_bucket WHEN 2 THEN 1 ELSE 0 END),
    sum(CASE latency_bucket WHEN 3 THEN 1 ELSE 0 END), sum(CASE latency_bucket WHEN 4 THEN 1 ELSE 0 END),
    sum(CASE latency_bucket WHEN 5 THEN 1 ELSE 0 END), sum(CASE latency_bucket WHEN 6 THEN 1 ELSE 0 END),
    sum(CASE latency_bucket WHEN 7 THEN 1 ELSE 0 END), sum(CASE latency_bucket WHEN 8 THEN 1 ELSE 0 END),
    sum(CASE latency_bucket WHEN 9 THEN 1 ELSE 0 END), sum(CASE latency_bucket WHEN 10 THEN 1 ELSE 0 END),
    sum(CASE latency_bucket WHEN 11 THEN 1 ELSE 0 END), sum(CASE latency_bucket WHEN 12 THEN 1 ELSE 0 END),
    sum(CASE latency_bucket WHEN 13 THEN 1 ELSE 0 END), sum(CASE latency_bucket WHEN 14 THEN 1 ELSE 0 END),
    sum(CASE latency_bucket WHEN 15 THEN 1 ELSE 0 END), sum(CASE latency_bucket WHEN 16 THEN 1 ELSE 0 END),
    sum(CASE latency_bucket WHEN 17 THEN 1 ELSE 0 END), sum(CASE latency_bucket WHEN 18 THEN 1 ELSE 0 END),
    sum(CASE latency_bucket WHEN 19 THEN 1 ELSE 0 END), sum(CASE latency_bucket WHEN 20 THEN 1 ELSE 0 END),
    sum(CASE latency_bucket WHEN 21 THEN 1 ELSE 0 END), sum(CASE latency_bucket WHEN 22 THEN 1 ELSE 0 END),
    sum(CASE latency_bucket WHEN 23 THEN 1 ELSE 0 END), sum(CASE latency_bucket WHEN 24 THEN 1 ELSE 0 END),
    sum(CASE latency_bucket WHEN 25 THEN 1 ELSE 0 END), sum(CASE latency_bucket WHEN 26 THEN 1 ELSE 0 END),
    sum(CASE latency_bucket WHEN 27 THEN 1 ELSE 0 END), sum(CASE latency_bucket WHEN 28 THEN 1 ELSE 0 END),
    sum(CASE latency_bucket WHEN 29 THEN 1 ELSE 0 END), sum(CASE latency_bucket WHEN 30 THEN 1 ELSE 0 END),
    sum(CASE latency_bucket WHEN 31 THEN 1 ELSE 0 END), sum(CASE latency_bucket WHEN 32 THEN 1 ELSE 0 END),
    sum(CASE latency_bucket WHEN 33 THEN 1 ELSE 0 END), sum(CASE latency_bucket WHEN 34 THEN 1 ELSE 0 END),
    sum(CASE latency_bucket WHEN 35 THEN 1 ELSE 0 END), sum(CASE latency_bucket WHEN 36 THEN 1 ELSE 0 END),
    sum(CASE latency_bucket WHEN 37 THEN 1 ELSE 0 END), sum(CASE latency_bucket WHEN 38 THEN 1 ELSE 0 END),
    sum(CASE latency_bucket WHEN 39 THEN 1 ELSE 0 END), sum(CASE latency_bucket WHEN 40 THEN 1 ELSE 0 END),
    sum(CASE latency_bucket WHEN 41 THEN 1 ELSE 0 END), sum(CASE latency_bucket WHEN 42 THEN 1 ELSE 0 END),
    sum(CASE latency_bucket WHEN 43 THEN 1 ELSE 0 END), sum(CASE latency_bucket WHEN 44 THEN 1 ELSE 0 END),
    sum(CASE latency_bucket WHEN 45 THEN 1 ELSE 0 END), sum(CASE latency_bucket WHEN 46 THEN 1 ELSE 0 END),
    sum(CASE latency_bucket WHEN 47 THEN 1 ELSE 0 END), sum(CASE latency_bucket WHEN 48 THEN 1 ELSE 0 END),
    sum(CASE latency_bucket WHEN 49 THEN 1 ELSE 0 END)
    FROM calls GROUP BY group_id, started_us / 3600000000;

INSERT INTO daily_groups (group_id, day, last_us,
    calls, errors, streamed, unpriced, prompt_tokens, completion_tokens, total_tokens, cached_tokens,
    cache_creation_tokens, reasoning_tokens, cost_pico, extra_cost_pico, duration_us, request_bytes, response_bytes,
    h00, h01, h02, h03, h04, h05, h06, h07, h08, h09, h10, h11, h12, h13, h14, h15, h16, h17, h18, h19, h20, h21, h22,
    h23, h24, h25, h26, h27, h28, h29, h30, h31, h32, h33, h34, h35, h36, h37, h38, h39, h40, h41, h42, h43, h44, h45,
    h46, h47, h48, h49)
    SELECT group_id, hour / 24, max(last_us),
    sum(calls), sum(errors), sum(streamed), sum(unpriced), sum(prompt_tokens), sum(completion_tokens),
    sum(total_tokens), sum(cached_tokens), sum(cache_creation_tokens), sum(reasoning_tokens), sum(cost_pico),
    sum(extra_cost_pico), sum(duration_us), sum(request_bytes), sum(response_bytes), sum(h00), sum(h01), sum(h02),
    sum(h03), sum(h04), sum(h05), sum(h06), sum(h07), sum(h08), sum(h09), sum(h10), sum(h11), sum(h12), sum(h13),
    sum(h14), sum(h15), sum(h16), sum(h17), sum(h18), sum(h19), sum(h20), sum(h21), sum(h22), sum(h23), sum(h24),
    sum(h25), sum(h26), sum(h27), sum(h28), sum(h29), sum(h30), sum(h31), sum(h32), sum(h33), sum(h34), sum(h35),
    sum(h36), sum(h37), sum(h38), sum(h39), sum(h40), sum(h41), sum(h42), sum(h43), sum(h44), sum(h45), sum(h46),
    sum(h47), sum(h48), sum(h49)
    FROM hourly_groups GROUP BY group_id, hour / 24;

INSERT INTO daily_models (day, provider, model, status_class,
    calls, errors, streamed, unpriced, prompt_tokens, completion_tokens, total_tokens, cached_tokens,
    cache_creation_tokens, reasoning_tokens, cost_pico, extra_cost_pico, duration_us, request_bytes, response_bytes,
    h00, h01, h02, h03, h04, h05, h06, h07, h08, h09, h10, h11, h12, h13, h14, h15, h16, h17, h18, h19, h20, h21, h22,
    h23, h24, h25, h26, h27, h28, h29, h30, h31, h32, h33, h34, h35, h36, h37, h38, h39, h40, h41, h42, h43, h44, h45,
    h46, h47, h48, h49)
    SELECT hour / 24, provider, model, status_class,
    sum(calls), sum(errors), sum(streamed), sum(unpriced), sum(prompt_tokens), sum(completion_tokens),
    sum(total_tokens), sum(cached_tokens), sum(cache_creation_tokens), sum(reasoning_tokens), sum(cost_pico),
    sum(extra_cost_pico), sum(duration_us), sum(request_bytes), sum(response_bytes), sum(h00), sum(h01), sum(h02),
    sum(h03), sum(h04), sum(h05), sum(h06), sum(h07), sum(h08), sum(h09), sum(h10), sum(h11), sum(h12), sum(h13),
    sum(h14), sum(h15), sum(h16), sum(h17), sum(h18), sum(h19), sum(h20), sum(h21), sum(h22), sum(h23), sum(h24),
    sum(h25), sum(h26), sum(h27), sum(h28), sum(h29), sum(h30), sum(h31), sum(h32), sum(h33), sum(h34), sum(h35),
    sum(h36), sum(h37), sum(h38), sum(h39), sum(h40), sum(h41), sum(h42), sum(h43), sum(h44), sum(h45), sum(h46),
    sum(h47), sum(h48), sum(h49)
    FROM hourly_models GROUP BY hour / 24, provider, model, status_class;

INSERT INTO daily_clients (day, client_key, owner,
    calls, errors, streamed, unpriced, prompt_tokens, completion_tokens, total_tokens, cached_tokens,
    cache_creation_tokens, reasoning_tokens, cost_pico, extra_cost_pico, duration_us, request_bytes, response_bytes,
    h00, h01, h02, h03, h04, h05, h06, h07, h08, h09, h10, h11, h12, h13, h14, h15, h16, h17, h18, h19, h20, h21, h22,
    h23, h24, h25, h26, h27, h28, h29, h30, h31, h32, h33, h34, h35, h36, h37, h38, h39, h40, h41, h42, h43, h44, h45,
    h46, h47, h48, h49)
    SELECT hour / 24, client_key, owner,
    sum(calls), sum(errors), sum(streamed), sum(unpriced), sum(prompt_tokens), sum(completion_tokens),
    sum(total_tokens), sum(cached_tokens), sum(cache_creation_tokens), sum(reasoning_tokens), sum(cost_pico),
    sum(extra_cost_pico), sum(duration_us), sum(request_bytes), sum(response_bytes), sum(h00), sum(h01), sum(h02),
    sum(h03), sum(h04), sum(h05), sum(h06), sum(h07), sum(h08), sum(h09), sum(h10), sum(h11), sum(h12), sum(h13),
    sum(h14), sum(h15), sum(h16), sum(h17), sum(h18), sum(h19), sum(h20), sum(h21), sum(h22), sum(h23), sum(h24),
    sum(h25), sum(h26), sum(h27), sum(h28), sum(h29), sum(h30), sum(h31), sum(h32), sum(h33), sum(h34), sum(h35),
    sum(h36), sum(h37), sum(h38), sum(h39), sum(h40), sum(h41), sum(h42), sum(h43), sum(h44), sum(h45), sum(h46),
    sum(h47), sum(h48), sum(h49)
    FROM hourly_clients GROUP BY hour / 24, client_key, owner;

INSERT INTO daily_routers (day, router,
    calls, errors, streamed, unpriced, prompt_tokens, completion_tokens, total_tokens, cached_tokens,
    cache_creation_tokens, reasoning_tokens, cost_pico, extra_cost_pico, duration_us, request_bytes, response_bytes,
    h00, h01, h02, h03, h04, h05, h06, h07, h08, h09, h10, h11, h12, h13, h14, h15, h16, h17, h18, h19, h20, h21, h22,
    h23, h24, h25, h26, h27, h28, h29, h30, h31, h32, h33, h34, h35, h36, h37, h38, h39, h40, h41, h42, h43, h44, h45,
    h46, h47, h48, h49)
    SELECT hour / 24, router,
    sum(calls), sum(errors), sum(streamed), sum(unpriced), sum(prompt_tokens), sum(completion_tokens),
    sum(total_tokens), sum(cached_tokens), sum(cache_creation_tokens), sum(reasoning_tokens), sum(cost_pico),
    sum(extra_cost_pico), sum(duration_us), sum(request_bytes), sum(response_bytes), sum(h00), sum(h01), sum(h02),
    sum(h03), sum(h04), sum(h05), sum(h06), sum(h07), sum(h08), sum(h09), sum(h10), sum(h11), sum(h12), sum(h13),
    sum(h14), sum(h15), sum(h16), sum(h17), sum(h18), sum(h19), sum(h20), sum(h21), sum(h22), sum(h23), sum(h24),
    sum(h25), sum(h26), sum(h27), sum(h28), sum(h29), sum(h30), sum(h31), sum(h32), sum(h33), sum(h34), sum(h35),
    sum(h36), sum(h37), sum(h38), sum(h39), sum(h40), sum(h41), sum(h42), sum(h43), sum(h44), sum(h45), sum(h46),
    sum(h47), sum(h48), sum(h49)
    FROM hourly_routers GROUP BY hour / 24, router;

INSERT INTO hourly_outcomes (hour, router, error_class, status,
    calls, errors, streamed, unpriced, prompt_tokens, completion_tokens, total_tokens, cached_tokens,
    cache_creation_tokens, reasoning_tokens, cost_pico, extra_cost_pico, duration_us, request_bytes, response_bytes,
    h00, h01, h02, h03, h04, h05, h06, h07, h08, h09, h10, h11, h12, h13, h14, h15, h16, h17, h18, h19, h20, h21, h22,
    h23, h24, h25, h26, h27, h28, h29, h30, h31, h32, h33, h34, h35, h36, h37, h38, h39, h40, h41, h42, h43, h44, h45,
    h46, h47, h48, h49)
    SELECT hour, router, error_class, status,
    sum(calls), sum(errors), sum(streamed), sum(unpriced), sum(prompt_tokens), sum(completion_tokens),
    sum(total_tokens), sum(cached_tokens), sum(cache_creation_tokens), sum(reasoning_tokens), sum(cost_pico),
    sum(extra_cost_pico), sum(duration_us), sum(request_bytes), sum(response_bytes), sum(h00), sum(h01), sum(h02),
    sum(h03), sum(h04), sum(h05), sum(h06), sum(h07), sum(h08), sum(h09), sum(h10), sum(h11), sum(h12), sum(h13),
    sum(h14), sum(h15), sum(h16), sum(h17), sum(h18), sum(h19), sum(h20), sum(h21), sum(h22), sum(h23), sum(h24),
    sum(h25), sum(h26), sum(h27), sum(h28), sum(h29), sum(h30), sum(h31), sum(h32), sum(h33), sum(h34), sum(h35),
    sum(h36), sum(h37), sum(h38), sum(h39), sum(h40), sum(h41), sum(h42), sum(h43), sum(h44), sum(h45), sum(h46),
    sum(h47), sum(h48), sum(h49)
    FROM hourly_groups JOIN call_groups ON call_groups.id = hourly_groups.group_id GROUP BY hour, router, error_class, status;

INSERT INTO daily_outcomes (day, router, error_class, status,
    calls, errors, streamed, unpriced, prompt_tokens, completion_tokens, total_tokens, cached_tokens,
    cache_creation_tokens, reasoning_tokens, cost_pico, extra_cost_pico, duration_us, request_bytes, response_bytes,
    h00, h01, h02, h03, h04, h05, h06, h07, h08, h09, h10, h11, h12, h13, h14, h15, h16, h17, h18, h19, h20, h21, h22,
    h23, h24, h25, h26, h27, h28, h29, h30, h31, h32, h33, h34, h35, h36, h37, h38, h39, h40, h41, h42, h43, h44, h45,
    h46, h47, h48, h49)
    SELECT day, router, error_class, status,
    sum(calls), sum(errors), sum(streamed), sum(unpriced), sum(prompt_tokens), sum(completion_tokens),
    sum(total_tokens), sum(cached_tokens), sum(cache_creation_tokens), sum(reasoning_tokens), sum(cost_pico),
    sum(extra_cost_pico), sum(duration_us), sum(request_bytes), sum(response_bytes), sum(h00), sum(h01), sum(h02),
    sum(h03), sum(h04), sum(h05), sum(h06), sum(h07), sum(h08), sum(h09), sum(h10), sum(h11), sum(h12), sum(h13),
    sum(h14), sum(h15), sum(h16), sum(h17), sum(h18), sum(h19), sum(h20), sum(h21), sum(h22), sum(h23), sum(h24),
    sum(h25), sum(h26), sum(h27), sum(h28), sum(h29), sum(h30), sum(h31), sum(h32), sum(h33), sum(h34), sum(h35),
    sum(h36), sum(h37), sum(h38), sum(h39), sum(h40), sum(h41), sum(h42), sum(h43), sum(h44), sum(h45), sum(h46),
    sum(h47), sum(h48), sum(h49)
    FROM daily_groups JOIN call_groups ON call_groups.id = daily_groups.group_id GROUP BY day, router, error_class, status;
