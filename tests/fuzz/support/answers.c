#include "support/answers.h"
#include "proto/http1_parser.h"
#include "proto/status.h"
#include "proto/target.h"

enum { MEMORY = 512 };

/* --- the requests, one after the other --- */

typedef struct requests {
  tg_http1_parser parser;
  tg_text rest;
  tg_head head; /* of the last one, as far as it was read */
  tg_arena arena;
  bool over; /* nothing behind it is a request */
  _Alignas(max_align_t) char memory[MEMORY];
} requests;

static int on_request_head(void *owner, tg_head *head) {
  (void)owner;
  (void)head;
  return TG_HTTP1_ON;
}

static int on_chunk(void *owner, uint64_t size) {
  (void)owner;
  (void)size;
  return TG_HTTP1_ON;
}

static int on_body(void *owner, const char *bytes, size_t size) {
  (void)owner;
  (void)bytes;
  (void)size;
  return TG_HTTP1_ON;
}

static void on_end(void *owner) {
  (void)owner;
}

static const tg_http1_events request_events = {on_request_head, on_chunk, on_body, on_end};

static void open_requests(requests *is, tg_text sent) {
  *is = (requests){.rest = sent};
  tg_arena_init(&is->arena, is->memory, sizeof is->memory);
  tg_http1_parser_init(&is->parser, TG_HTTP1_REQUESTS, &request_events, is);
}

/* False where the client has begun no further request. */
static bool next_request(requests *is) {
  size_t used;
  if (is->over || tg_http1_blank_bytes(is->rest.data, is->rest.size, 0) == is->rest.size) return false;
  tg_arena_free(&is->arena);
  tg_arena_init(&is->arena, is->memory, sizeof is->memory);
  is->head = (tg_head){0};
  tg_http1_parser_begin(&is->parser, &is->arena, &is->head);
  is->over = tg_http1_parser_feed(&is->parser, is->rest.data, is->rest.size, &used) != TG_HTTP1_END;
  fuzz_take(&is->rest, used);
  return true;
}

/* --- the answers --- */

typedef struct answers {
  requests requests;
  tg_text rest; /* from the answer on that is read */
  tg_buffer log;
  bool interim; /* the head was that of a 1xx */
} answers;

static bool is_to_head(const answers *is) {
  return tg_text_equal(is->requests.head.method, TG_TEXT("HEAD"));
}

/* A request that took too long may have been known for one with HEAD by that time, or not. */
static bool is_bodiless(const answers *is, unsigned status) {
  const char *end = memmem(is->rest.data, is->rest.size, "\r\n\r\n", 4);
  if (status == 408 && end + 4 == is->rest.data + is->rest.size) return true;
  return (is_to_head(is) && status != 408) || !tg_status_has_body(status);
}

/* Where a handler says which path it has seen, it is that of the request whose turn it is. */
static void check_path(answers *is, tg_text path) {
  char memory[64];
  tg_arena arena;
  tg_target target;
  const tg_head *head = &is->requests.head;
  if (path.data == NULL) return;
  tg_arena_init(&arena, memory, sizeof memory);
  FUZZ_CHECK(tg_target_parse(&target, head->method, head->target, 0, &arena) == NULL);
  FUZZ_CHECK_TEXT(path, target.path);
  tg_arena_free(&arena);
}

static void log_answer(answers *is, unsigned status, tg_text path) {
  tg_buffer_append_number(&is->log, status);
  tg_buffer_append_text(&is->log, TG_TEXT(" "));
  tg_buffer_append_text(&is->log, path);
  tg_buffer_append_text(&is->log, TG_TEXT("\n"));
}

static int on_head(void *owner, tg_head *head) {
  answers *is = owner;
  is->interim = head->status < 200;
  FUZZ_CHECK(head->status >= 100 && head->status < 600 && head->status != 101);
  if (is->interim) return TG_HTTP1_BODILESS;
  FUZZ_CHECK(next_request(&is->requests)); /* no answer without a request */
  tg_text path = tg_head_value(head, TG_TEXT("X-Path"));
  check_path(is, path);
  log_answer(is, head->status, path);
  bool bodiless = is_bodiless(is, head->status);
  FUZZ_CHECK(bodiless || head->chunked || head->content_length >= 0 || !head->keep_alive);
  return bodiless ? TG_HTTP1_BODILESS : TG_HTTP1_ON;
}

static const tg_http1_events answer_events = {on_head, on_chunk, on_body, on_end};

/* Reads one answer off the front; false at the last one. */
static bool read_answer(tg_http1_parser *parser, tg_text *rest, bool whole) {
  tg_arena arena;
  tg_head head = {0};
  _Alignas(max_align_t) char memory[MEMORY];
  size_t used;
  tg_arena_init(&arena, memory, sizeof memory);
  tg_http1_parser_begin(parser, &arena, &head);
  tg_http1_result result = tg_http1_parser_feed(parser, rest->data, rest->size, &used);
  FUZZ_CHECK(result == TG_HTTP1_END || result == TG_HTTP1_MORE);
  fuzz_take(rest, used);
  if (result == TG_HTTP1_MORE) FUZZ_CHECK(!whole);
  bool last = result == TG_HTTP1_MORE || (head.status >= 200 && !tg_http1_parser_keeps_alive(parser));
  tg_arena_free(&arena);
  return !last;
}

tg_buffer fuzz_check_answers(tg_text sent, tg_text bytes, bool whole) {
  answers is = {.log = {0}};
  tg_http1_parser parser;
  open_requests(&is.requests, sent);
  tg_http1_parser_init(&parser, TG_HTTP1_RESPONSES, &answer_events, &is);
  is.rest = bytes;
  bool goes_on = true;
  while (goes_on && is.rest.size > 0) goes_on = read_answer(&parser, &is.rest, whole);
  FUZZ_CHECK(is.rest.size == 0); /* nothing behind the last one */
  tg_arena_free(&is.requests.arena);
  return is.log;
}
