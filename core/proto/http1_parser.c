#include "proto/http1_parser.h"

enum { HEAD_BYTES_MAX = 16 * 1024, FIELD_COUNT_MAX = 100 };

static tg_http1_parser *parser_of(llhttp_t *llhttp) {
  return (tg_http1_parser *)((char *)llhttp - offsetof(tg_http1_parser, llhttp));
}

/* Notes why the parser stops, and stops it. */
static int fail(tg_http1_parser *parser, unsigned status, const char *text) {
  parser->error_status = status;
  parser->error_text = text;
  return HPE_USER;
}

static int append(tg_http1_parser *parser, tg_text *text, const char *at, size_t length) {
  if (tg_arena_append(parser->arena, text, at, length)) return 0;
  return fail(parser, 500, "out of memory");
}

static int refuse(tg_http1_parser *parser) {
  parser->refused = true;
  return HPE_USER;
}

static int on_method(llhttp_t *llhttp, const char *at, size_t length) {
  tg_http1_parser *parser = parser_of(llhttp);
  return append(parser, &parser->head->method, at, length);
}

static int on_url(llhttp_t *llhttp, const char *at, size_t length) {
  tg_http1_parser *parser = parser_of(llhttp);
  return append(parser, &parser->head->target, at, length);
}

/* Bytes beside the body that a peer could send without an end: trailers, chunk extensions. */
static int count_extra(tg_http1_parser *parser, size_t length, unsigned status, const char *text) {
  parser->head_bytes += (uint32_t)length + 1;
  return parser->head_bytes > parser->head_bytes_max ? fail(parser, status, text) : 0;
}

static int on_version_complete(llhttp_t *llhttp) {
  parser_of(llhttp)->head->major = llhttp->http_major; /* the target has ended, if it is a request */
  return 0;
}

static int on_header_field(llhttp_t *llhttp, const char *at, size_t length) {
  tg_http1_parser *parser = parser_of(llhttp);
  if (parser->in_body) return count_extra(parser, length, 431, "too many bytes of trailers");
  tg_head *head = parser->head;
  bool starts = head->field_count == 0 || head->fields[head->field_count - 1].value.data != NULL;
  if (starts && head->field_count == parser->field_count_max) return fail(parser, 431, "too many header fields");
  if (starts && tg_head_add_field(head, parser->arena) == NULL) return fail(parser, 500, "out of memory");
  return append(parser, &head->fields[head->field_count - 1].name, at, length);
}

static int on_header_value(llhttp_t *llhttp, const char *at, size_t length) {
  tg_http1_parser *parser = parser_of(llhttp);
  if (parser->in_body) return count_extra(parser, length, 431, "too many bytes of trailers");
  return append(parser, &parser->head->fields[parser->head->field_count - 1].value, at, length);
}

static int on_header_value_complete(llhttp_t *llhttp) {
  tg_http1_parser *parser = parser_of(llhttp);
  if (parser->in_body) return 0;
  tg_field *field = &parser->head->fields[parser->head->field_count - 1];
  field->value = tg_text_trim(field->value);
  if (field->value.data == NULL) field->value.data = ""; /* an empty value is complete as well */
  return 0;
}

static void read_framing(tg_head *head, const llhttp_t *llhttp) {
  head->major = llhttp->http_major;
  head->minor = llhttp->http_minor;
  head->status = llhttp->status_code;
  head->chunked = (llhttp->flags & F_CHUNKED) != 0;
  head->keep_alive = llhttp_should_keep_alive(llhttp) != 0;
  head->content_length = TG_LENGTH_UNKNOWN;
  if ((llhttp->flags & F_CONTENT_LENGTH) == 0) return;
  bool huge = llhttp->content_length > (UINT64_C(1) << 62);
  head->content_length = huge ? TG_LENGTH_HUGE : (int64_t)llhttp->content_length;
}

static int on_headers_complete(llhttp_t *llhttp) {
  tg_http1_parser *parser = parser_of(llhttp);
  parser->in_body = true;
  parser->head_bytes = 0; /* from here on it counts trailers and chunk extensions */
  read_framing(parser->head, llhttp);
  /* An upgrade that nobody asked for is an ordinary request (RFC 9110 section 7.8). */
  llhttp->upgrade = 0;
  switch (parser->events->on_head(parser->owner, parser->head)) {
    case TG_HTTP1_ON:
      return 0;
    case TG_HTTP1_BODILESS:
      return 1;
    default:
      refuse(parser);
      return -1; /* llhttp knows no other failure here */
  }
}

static int on_body(llhttp_t *llhttp, const char *at, size_t length) {
  tg_http1_parser *parser = parser_of(llhttp);
  if (length == 0) return 0;
  if (parser->events->on_body(parser->owner, at, length) == TG_HTTP1_ON) return 0;
  return refuse(parser);
}

static int on_message_complete(llhttp_t *llhttp) {
  parser_of(llhttp)->keep_alive = llhttp_should_keep_alive(llhttp) != 0;
  return HPE_PAUSED;
}

static int on_chunk_extension(llhttp_t *llhttp, const char *at, size_t length) {
  (void)at;
  return count_extra(parser_of(llhttp), length, 413, "too many bytes of chunk extensions");
}

static const llhttp_settings_t request_settings = {
    .on_method = on_method,
    .on_url = on_url,
    .on_version_complete = on_version_complete,
    .on_header_field = on_header_field,
    .on_header_value = on_header_value,
    .on_header_value_complete = on_header_value_complete,
    .on_headers_complete = on_headers_complete,
    .on_chunk_extension_name = on_chunk_extension,
    .on_chunk_extension_value = on_chunk_extension,
    .on_body = on_body,
    .on_message_complete = on_message_complete,
};

void tg_http1_parser_init(tg_http1_parser *parser, tg_http1_role role, const tg_http1_events *events, void *owner) {
  *parser = (tg_http1_parser){.events = events, .owner = owner};
  parser->head_bytes_max = HEAD_BYTES_MAX;
  parser->field_count_max = FIELD_COUNT_MAX;
  llhttp_init(&parser->llhttp, role == TG_HTTP1_REQUESTS ? HTTP_REQUEST : HTTP_RESPONSE, &request_settings);
}

void tg_http1_parser_begin(tg_http1_parser *parser, tg_arena *arena, tg_head *head) {
  parser->arena = arena;
  parser->head = head;
  parser->head_bytes = 0;
  parser->in_body = parser->ended = parser->keep_alive = false;
}

static tg_http1_result fail_result(tg_http1_parser *parser, unsigned status, const char *text) {
  fail(parser, status, text);
  return TG_HTTP1_ERROR;
}

/* What a request's syntax error is answered with; 400 unless the standard names a better one. */
static unsigned status_of(const tg_http1_parser *parser, llhttp_errno_t error) {
  if (error == HPE_PAUSED_H2_UPGRADE) return 505;
  if (error == HPE_INVALID_VERSION) return parser->llhttp.http_major > 1 ? 505 : 400;
  return 400;
}

static tg_http1_result stop(tg_http1_parser *parser, llhttp_errno_t error) {
  if (parser->refused) return TG_HTTP1_REFUSED;
  if (parser->error_status != 0) return TG_HTTP1_ERROR;
  const char *reason = llhttp_get_error_reason(&parser->llhttp);
  if (reason == NULL || *reason == '\0') reason = llhttp_errno_name(error);
  return fail_result(parser, status_of(parser, error), reason);
}

static tg_http1_result end_message(tg_http1_parser *parser) {
  llhttp_resume(&parser->llhttp);
  parser->ended = true;
  parser->events->on_end(parser->owner);
  return TG_HTTP1_END;
}

/* Runs llhttp over `size` bytes and says in *used how many it took. */
static tg_http1_result execute(tg_http1_parser *parser, const char *bytes, size_t size, size_t *used) {
  llhttp_errno_t error = llhttp_execute(&parser->llhttp, bytes, size);
  *used = error == HPE_OK ? size : (size_t)(llhttp_get_error_pos(&parser->llhttp) - bytes);
  if (error == HPE_OK) return TG_HTTP1_MORE;
  return error == HPE_PAUSED ? end_message(parser) : stop(parser, error);
}

static tg_http1_result head_too_large(tg_http1_parser *parser) {
  bool in_target = parser->head->target.size > 0 && parser->head->major == 0;
  if (in_target) return fail_result(parser, 414, "the request target is too long");
  return fail_result(parser, 431, "the header section is too large");
}

tg_http1_result tg_http1_parser_feed(tg_http1_parser *parser, const char *bytes, size_t size, size_t *used) {
  *used = 0;
  tg_http1_result result = TG_HTTP1_MORE;
  while (result == TG_HTTP1_MORE && *used < size) {
    size_t piece = size - *used, taken = 0;
    uint32_t room = parser->head_bytes_max - parser->head_bytes;
    bool in_head = !parser->in_body;
    if (in_head && room == 0) return head_too_large(parser);
    if (in_head && piece > room) piece = room;
    if (in_head) parser->head_bytes += (uint32_t)piece; /* on_headers_complete sets it to 0 */
    result = execute(parser, bytes + *used, piece, &taken);
    *used += taken;
  }
  return result;
}

tg_http1_result tg_http1_parser_feed_end(tg_http1_parser *parser) {
  llhttp_errno_t error = llhttp_finish(&parser->llhttp);
  if (error == HPE_PAUSED) return end_message(parser);
  if (error != HPE_OK) return stop(parser, error);
  return fail_result(parser, 400, "the connection ended within the message");
}

bool tg_http1_parser_keeps_alive(const tg_http1_parser *parser) {
  return parser->keep_alive;
}
