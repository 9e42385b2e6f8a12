/* Every limit of the HTTP layer, with its unit in its name and its answer beside it. */
#ifndef TG_HTTP_LIMITS_H
#define TG_HTTP_LIMITS_H

#include <stdint.h>

typedef struct tg_server_limits {
  uint32_t head_bytes_max;              /* request line and header section: 414 in the target, 431 behind it */
  uint32_t field_count_max;             /* header fields: 431 */
  uint64_t body_bytes_max;              /* a request's body, where its handler says no other limit: 413 */
  uint64_t body_bytes_cap;              /* the most that any handler allows, if more: 413 before there is one */
  uint32_t body_ahead_bytes_max;        /* of a body that nobody takes: then reading stops */
  uint32_t skipped_bytes_max;           /* of a body that nobody wants, behind its answer: close */
  uint32_t head_timeout_ms;             /* from a request's first byte to the end of its header section: 408 */
  uint32_t body_timeout_ms;             /* that a body's client may fall behind the rate below: 408 */
  uint32_t body_bytes_per_second_min;   /* a body that comes more slowly uses that time up; 0: whatever the rate */
  uint32_t send_timeout_ms;             /* that the reader of an answer may fall behind the rate below: close */
  uint32_t send_bytes_per_second_min;   /* an answer that is read more slowly uses that time up */
  uint32_t idle_timeout_ms;             /* between requests: close */
  uint32_t linger_timeout_ms;           /* after the last answer, for what the client still sends: close */
  uint32_t pipelined_bytes_max;         /* received behind the request under way: then reading stops */
  uint32_t requests_per_connection_max; /* the answer to the last one closes */
  uint32_t connections_max;             /* open at once: 503 with Retry-After */
  uint32_t connections_per_address_max; /* of these from one address, 0 for any number: 503 */
} tg_server_limits;

typedef struct tg_client_limits {
  uint32_t connections_per_origin_max; /* more calls wait for a connection */
  uint32_t waiting_calls_max;          /* calls that wait for a connection, for each origin: error */
  uint32_t idle_timeout_ms;            /* a kept connection that nobody uses: close */
  uint32_t call_timeout_ms;            /* a whole call, where it does not say itself: error */
  uint64_t body_bytes_max;             /* a response's body: error */
} tg_client_limits;

extern const tg_server_limits tg_server_limits_default;
extern const tg_client_limits tg_client_limits_default;

#endif
