#include "support/parser_log.h"
#include "check.h"
#include "proto/status.h"
#include "support/guard.h"

#include <stdlib.h>

typedef struct reader {
  const parser_input *input;
  tg_http1_parser parser;
  tg_head head;
  tg_arena arena;
  tg_buffer log;
  bool begun;    /* a message has begun and not ended */
  bool in_body;  /* a line with its body has begun */
  bool over;     /* nothing more is read */
  unsigned ends; /* calls of on_end */
  unsigned field_count;
  _Alignas(max_align_t) char first_bytes[64];
} reader;

static void put(reader *is, const char *text) {
  tg_buffer_append_text(&is->log, tg_text_of(text));
}

static void put_number(reader *is, const char *label, unsigned long long number) {
  put(is, label);
  tg_buffer_append_number(&is->log, number);
}

static void put_start(reader *is, const tg_head *head) {
  if (is->input->role == TG_HTTP1_RESPONSES) {
    tg_buffer_append_number(&is->log, head->status);
  } else {
    tg_buffer_append_text(&is->log, head->method);
    put(is, " ");
    tg_buffer_append_text(&is->log, head->target);
  }
  put_number(is, " ", head->major);
  put_number(is, ".", head->minor);
  if (head->content_length >= 0) put_number(is, " length ", (unsigned long long)head->content_length);
  put(is, head->content_length == TG_LENGTH_HUGE ? " length huge" : "");
  put(is, head->chunked ? " chunked\n" : "\n");
}

static int on_head(void *owner, tg_head *head) {
  reader *is = owner;
  CHECK(head == &is->head);
  is->field_count = head->field_count;
  put_start(is, head);
  for (unsigned i = 0; i < head->field_count; i++) {
    tg_buffer_append_text(&is->log, head->fields[i].name);
    put(is, ": ");
    tg_buffer_append_text(&is->log, head->fields[i].value);
    put(is, "\n");
  }
  if (is->input->role == TG_HTTP1_REQUESTS) return TG_HTTP1_ON;
  return is->input->to_head || !tg_status_has_body(head->status) ? TG_HTTP1_BODILESS : TG_HTTP1_ON;
}

static int on_chunk(void *owner, uint64_t size) {
  (void)owner;
  (void)size;
  return TG_HTTP1_ON;
}

static int on_body(void *owner, const char *bytes, size_t size) {
  reader *is = owner;
  CHECK(size > 0);
  if (!is->in_body) put(is, "body ");
  is->in_body = true;
  tg_buffer_append(&is->log, bytes, size);
  return TG_HTTP1_ON;
}

static void on_end(void *owner) {
  ((reader *)owner)->ends++;
}

static const tg_http1_events events = {
    .on_head = on_head,
    .on_chunk = on_chunk,
    .on_body = on_body,
    .on_end = on_end,
};

static void begin(reader *is) {
  is->begun = true;
  is->head = (tg_head){0};
  tg_arena_init(&is->arena, is->first_bytes, sizeof is->first_bytes);
  tg_http1_parser_begin(&is->parser, &is->arena, &is->head);
}

static void end_line(reader *is) {
  if (is->in_body) put(is, "\n");
  is->in_body = false;
}

static void end_message(reader *is, tg_http1_result result) {
  end_line(is);
  if (result == TG_HTTP1_END) {
    CHECK_NUMBER(is->ends, 1);
    CHECK_NUMBER(is->head.field_count, is->field_count); /* trailers are no fields */
    is->over = !tg_http1_parser_keeps_alive(&is->parser);
    put(is, is->over ? "end close\n" : "end keep-alive\n");
  } else {
    CHECK_NUMBER(result, TG_HTTP1_ERROR);
    CHECK(is->parser.error_text != NULL && is->parser.error_text[0] != '\0');
    CHECK_NUMBER(is->ends, 0);
    put_number(is, "error ", is->parser.error_status);
    put(is, "\n");
    is->over = true;
  }
  is->begun = false;
  is->ends = 0;
  tg_arena_free(&is->arena);
}

static void feed(reader *is, const char *bytes, size_t size) {
  while (size > 0 && !is->over) {
    size_t used = size + 1;
    if (!is->begun) begin(is);
    tg_http1_result result = tg_http1_parser_feed(&is->parser, bytes, size, &used);
    if (!CHECK(used <= size)) abort();
    if (result != TG_HTTP1_MORE) end_message(is, result);
    else CHECK_NUMBER(used, size);
    bytes += used;
    size -= used;
  }
}

static void finish(reader *is) {
  if (is->begun && is->input->finish) end_message(is, tg_http1_parser_feed_end(&is->parser));
  if (!is->begun) return;
  end_line(is);
  put(is, "more\n");
  tg_arena_free(&is->arena);
}

tg_buffer parser_log(const parser_input *input, size_t first, size_t piece) {
  reader is = {.input = input};
  guard_page page = guard_open(input->bytes.size);
  tg_http1_parser_init(&is.parser, input->role, &events, &is);
  if (input->head_bytes_max != 0) is.parser.head_bytes_max = input->head_bytes_max;
  if (input->field_count_max != 0) is.parser.field_count_max = input->field_count_max;
  for (size_t at = 0, size = first; at < input->bytes.size && !is.over; at += size, size = piece) {
    if (size > input->bytes.size - at) size = input->bytes.size - at;
    feed(&is, guard_place(&page, input->bytes.data + at, size), size);
  }
  finish(&is);
  guard_close(&page);
  return is.log;
}

size_t cut_distance(size_t size) {
  return size > 4096 ? size / 64 : 1;
}

static bool is_same(const parser_input *input, tg_text expected, size_t first, size_t piece) {
  tg_buffer log = parser_log(input, first, piece);
  bool same = tg_text_equal(tg_buffer_text(&log), expected);
  if (!same) CHECK_NUMBER(first, piece); /* says where it was cut */
  if (!same) CHECK_TEXT(tg_buffer_text(&log), expected);
  tg_buffer_free(&log);
  return same;
}

tg_buffer parser_log_of_all_cuts(const parser_input *input) {
  size_t size = input->bytes.size, distance = cut_distance(size);
  tg_buffer whole = parser_log(input, size, size);
  tg_text expected = tg_buffer_text(&whole);
  bool same = CHECK(is_same(input, expected, 1, 1));
  for (size_t cut = 1; same && cut < size; cut += distance) same = CHECK(is_same(input, expected, cut, size));
  return whole;
}
