/* Chunked bodies: the parser and a second, simple decoder agree on the body and on where it ends. */
#include "proto/http1_parser.h"
#include "base/buffer.h"
#include "support/input.h"

#include <stdlib.h>

#define HEAD "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"

enum { DIGITS_MAX = 15 };

/* --- the second decoder: lenient in what stands in extensions and trailers, strict in all that frames --- */

typedef enum verdict { WHOLE, COMING, WRONG } verdict;

typedef struct decoded {
  verdict verdict;
  tg_buffer body;
  size_t used;
  bool plain; /* without extensions, trailers and sizes of many digits: then the parser must accept it too */
} decoded;

static int hex_value(char c) {
  static const char digits[] = "0123456789abcdef";
  const char *at = c != '\0' ? strchr(digits, c >= 'A' && c <= 'F' ? c + 32 : c) : NULL;
  return at != NULL ? (int)(at - digits) : -1;
}

/* The line up to its CRLF, which is taken as well. A CR or LF elsewhere is wrong. */
static verdict take_line(tg_text *rest, tg_text *line) {
  size_t size = 0;
  while (size < rest->size && rest->data[size] != '\r' && rest->data[size] != '\n') size++;
  if (size < rest->size && rest->data[size] == '\n') return WRONG;
  if (size + 1 >= rest->size) return COMING;
  if (rest->data[size + 1] != '\n') return WRONG;
  *line = fuzz_take(rest, size);
  fuzz_take(rest, 2);
  return WHOLE;
}

static bool read_size(decoded *is, tg_text line, uint64_t *size) {
  size_t digits = 0;
  *size = 0;
  while (digits < line.size && hex_value(line.data[digits]) >= 0) {
    if (*size >> 60 != 0) return false;
    *size = *size * 16 + (uint64_t)hex_value(line.data[digits++]);
  }
  if (digits == 0) return false;
  if (digits < line.size || digits > DIGITS_MAX) is->plain = false;
  return digits == line.size || line.data[digits] == ';' || line.data[digits] == ' ' || line.data[digits] == '\t';
}

static verdict take_trailers(decoded *is, tg_text *rest) {
  tg_text line;
  for (;;) {
    verdict now = take_line(rest, &line);
    if (now != WHOLE) is->plain = false; /* whether a line without its end is right is not said here */
    if (now != WHOLE || line.size == 0) return now;
    is->plain = false;
  }
}

static verdict take_data(decoded *is, tg_text *rest, uint64_t size) {
  tg_buffer_append_text(&is->body, fuzz_take(rest, size < rest->size ? (size_t)size : rest->size));
  if (rest->size == 0) return COMING;
  if (rest->data[0] != '\r') return WRONG;
  if (rest->size == 1) return COMING;
  return memcmp(fuzz_take(rest, 2).data, "\r\n", 2) == 0 ? WHOLE : WRONG;
}

static verdict take_chunks(decoded *is, tg_text *rest) {
  for (;;) {
    tg_text line;
    uint64_t size;
    verdict now = take_line(rest, &line);
    if (now == COMING) is->plain = false;
    if (now != WHOLE) return now;
    if (!read_size(is, line, &size)) return WRONG;
    if (size == 0) return take_trailers(is, rest);
    now = take_data(is, rest, size);
    if (now != WHOLE) return now;
  }
}

static decoded decode(tg_text bytes) {
  decoded is = {.plain = true};
  tg_text rest = bytes;
  is.verdict = take_chunks(&is, &rest);
  is.used = bytes.size - rest.size;
  return is;
}

/* --- the parser --- */

static int on_head(void *owner, tg_head *head) {
  (void)owner;
  FUZZ_CHECK(head->chunked);
  return TG_HTTP1_ON;
}

static int on_chunk(void *owner, uint64_t size) {
  (void)owner;
  (void)size;
  return TG_HTTP1_ON;
}

static int on_body(void *owner, const char *bytes, size_t size) {
  tg_buffer_append(owner, bytes, size);
  return TG_HTTP1_ON;
}

static void on_end(void *owner) {
  (void)owner;
}

static const tg_http1_events events = {on_head, on_chunk, on_body, on_end};

static tg_http1_result feed(tg_http1_parser *parser, tg_text bytes, size_t piece, size_t *used) {
  tg_http1_result result = TG_HTTP1_MORE;
  *used = 0;
  while (result == TG_HTTP1_MORE && *used < bytes.size) {
    size_t size = piece < bytes.size - *used ? piece : bytes.size - *used, taken = 0;
    result = tg_http1_parser_feed(parser, bytes.data + *used, size, &taken);
    *used += taken;
  }
  return result;
}

static tg_http1_result parse(tg_text bytes, size_t piece, tg_buffer *body, size_t *used) {
  tg_http1_parser parser;
  tg_head head = {0};
  tg_arena arena;
  char memory[512];
  size_t taken;
  tg_arena_init(&arena, memory, sizeof memory);
  tg_http1_parser_init(&parser, TG_HTTP1_REQUESTS, &events, body);
  tg_http1_parser_begin(&parser, &arena, &head);
  FUZZ_CHECK(tg_http1_parser_feed(&parser, HEAD, sizeof HEAD - 1, &taken) == TG_HTTP1_MORE);
  tg_http1_result result = feed(&parser, bytes, piece, used);
  tg_arena_free(&arena);
  return result;
}

/* --- both --- */

static void compare(const decoded *expected, tg_text bytes, size_t piece) {
  tg_buffer body = {0};
  size_t used;
  tg_http1_result result = parse(bytes, piece, &body, &used);
  if (result == TG_HTTP1_END) {
    FUZZ_CHECK(expected->verdict == WHOLE);
    FUZZ_CHECK(used == expected->used);
  }
  if (result == TG_HTTP1_MORE) FUZZ_CHECK(expected->verdict == COMING);
  if (expected->plain && expected->verdict == WHOLE) FUZZ_CHECK(result == TG_HTTP1_END);
  if (expected->plain && expected->verdict == COMING) FUZZ_CHECK(result == TG_HTTP1_MORE);
  if (result != TG_HTTP1_ERROR) FUZZ_CHECK_TEXT(tg_buffer_text(&body), tg_buffer_text(&expected->body));
  tg_buffer_free(&body);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size) {
  tg_text bytes = {(const char *)input, size};
  fuzz_choices choices = fuzz_choices_of(bytes, 0);
  decoded expected = decode(bytes);
  compare(&expected, bytes, size + 1);
  compare(&expected, bytes, 1);
  compare(&expected, bytes, 1 + fuzz_choose(&choices, size + 1));
  tg_buffer_free(&expected.body);
  return 0;
}
