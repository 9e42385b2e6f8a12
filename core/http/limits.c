#include "http/limits.h"

const tg_server_limits tg_server_limits_default = {
    .head_bytes_max = 16 * 1024,
    .field_count_max = 100,
    .body_bytes_max = 1024 * 1024,
    .body_ahead_bytes_max = 64 * 1024,
    .skipped_bytes_max = 64 * 1024,
    .head_timeout_ms = 10 * 1000,
    .body_timeout_ms = 60 * 1000,
    .body_bytes_per_second_min = 500,
    .send_timeout_ms = 60 * 1000,
    .send_bytes_per_second_min = 500,
    .idle_timeout_ms = 60 * 1000,
    .linger_timeout_ms = 2 * 1000,
    .pipelined_bytes_max = 64 * 1024,
    .requests_per_connection_max = UINT32_MAX,
    .connections_max = 10000,
};

const tg_client_limits tg_client_limits_default = {
    .connections_per_origin_max = 1024,
    .waiting_calls_max = 10000,
    .idle_timeout_ms = 30 * 1000,
    .call_timeout_ms = 60 * 1000,
    .body_bytes_max = 16 * 1024 * 1024,
};
