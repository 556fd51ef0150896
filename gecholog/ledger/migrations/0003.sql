-- Sums of groups are found by time: their key begins with the hour or day, as those of the other sums do. The index of
-- times has what the cost of a day is made of, for parts of hours.

CREATE TABLE hourly_groups_by_time (
    hour {big} NOT NULL, group_id {big} NOT NULL, last_us {big} NOT NULL,
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
    PRIMARY KEY (hour, group_id)
){without_rowid};
INSERT INTO hourly_groups_by_time SELECT
    hour, group_id,
    last_us, calls, errors, streamed, unpriced, prompt_tokens, completion_tokens, total_tokens, cached_tokens,
    cache_creation_tokens, reasoning_tokens, cost_pico, extra_cost_pico, duration_us, request_bytes, response_bytes,
    h00, h01, h02, h03, h04, h05, h06, h07, h08, h09, h10, h11, h12, h13, h14, h15, h16, h17, h18, h19, h20, h21, h22,
    h23, h24, h25, h26, h27, h28, h29, h30, h31, h32, h33, h34, h35, h36, h37, h38, h39, h40, h41, h42, h43, h44, h45,
    h46, h47, h48, h49
    FROM hourly_groups ORDER BY hour, group_id;
DROP TABLE hourly_groups;
ALTER TABLE hourly_groups_by_time RENAME TO hourly_groups;

CREATE TABLE daily_groups_by_time (
    day {big} NOT NULL, group_id {big} NOT NULL, last_us {big} NOT NULL,
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
    PRIMARY KEY (day, group_id)
){without_rowid};
INSERT INTO daily_groups_by_time SELECT
    day, group_id,
    last_us, calls, errors, streamed, unpriced, prompt_tokens, completion_tokens, total_tokens, cached_tokens,
    cache_creation_tokens, reasoning_tokens, cost_pico, extra_cost_pico, duration_us, request_bytes, response_bytes,
    h00, h01, h02, h03, h04, h05, h06, h07, h08, h09, h10, h11, h12, h13, h14, h15, h16, h17, h18, h19, h20, h21, h22,
    h23, h24, h25, h26, h27, h28, h29, h30, h31, h32, h33, h34, h35, h36, h37, h38, h39, h40, h41, h42, h43, h44, h45,
    h46, h47, h48, h49
    FROM daily_groups ORDER BY day, group_id;
DROP TABLE daily_groups;
ALTER TABLE daily_groups_by_time RENAME TO daily_groups;

DROP INDEX calls_started;
CREATE INDEX calls_started ON calls (started_us, group_id, total_tokens, cost_pico);
