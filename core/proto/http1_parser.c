#include "proto/http1_parser.h"
#include "base/chars.h"

enum { CONNECTION_FLAGS = F_CONNECTION_KEEP_ALIVE | F_CONNECTION_CLOSE | F_CONNECTION_UPGRADE | F_UPGRADE };
enum { HEAD_BYTES_MAX = 16 * 1024, FIELD_COUNT_MAX = 100, UNKNOWN_METHOD_BYTES_MAX = 32 };

static const char unknown_method[] = "the method is not known here";
static const char unknown_version[] = "only HTTP/1.0 and HTTP/1.1 are supported";

static tg_http1_parser *parser_of(llhttp_t *llhttp) {
  return (tg_http1_parser *)((char *)llhttp - offsetof(tg_http1_parser, llhttp));
}

/* Notes why the parser stops, and stops it. */
static int fail(tg_http1_parser *parser, unsigned status, const char *text) {
  parser->error_status = status;
  parser->error_text = text;
  if (!parser->method_whole) parser->head->method = (tg_text){NULL, 0}; /* "HEADER" cut behind "HEAD" is no HEAD */
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

/* How far the head reaches before `at`, which is in the piece that llhttp has now. */
static uint32_t offset_of(const tg_http1_parser *parser, const char *at) {
  return parser->piece_offset + (uint32_t)(at - parser->piece);
}

static int on_method(llhttp_t *llhttp, const char *at, size_t length) {
  tg_http1_parser *parser = parser_of(llhttp);
  if (parser->head->method.size == 0) parser->line_offset = offset_of(parser, at);
  return append(parser, &parser->head->method, at, length);
}

static int on_method_complete(llhttp_t *llhttp) {
  parser_of(llhttp)->method_whole = true;
  return 0;
}

/* What llhttp knows for other protocols: the preface of HTTP/2, for whose end it would wait, and methods of ICE and
   RTSP. */
static int check_method(tg_http1_parser *parser) {
  unsigned method = parser->llhttp.method;
  bool is_foreign = method == HTTP_SOURCE || (method >= HTTP_DESCRIBE && method <= HTTP_FLUSH);
  if (method == HTTP_PRI) return fail(parser, 505, unknown_version);
  return is_foreign ? fail(parser, 501, unknown_method) : 0;
}

static int on_url(llhttp_t *llhttp, const char *at, size_t length) {
  tg_http1_parser *parser = parser_of(llhttp);
  int stops = parser->head->target.size == 0 ? check_method(parser) : 0;
  if (stops != 0) return stops;
  return append(parser, &parser->head->target, at, length);
}

/* Does "HTTP/" stand right before `at`? A part of it may have been in the piece before this one. */
static bool follows_protocol(const tg_http1_parser *parser, const char *at) {
  enum { SIZE = sizeof parser->last_bytes };
  size_t here = (size_t)(at - parser->piece);
  if (here >= SIZE) return memcmp(at - SIZE, "HTTP/", SIZE) == 0;
  char before[SIZE];
  memcpy(before, parser->last_bytes + here, SIZE - here);
  memcpy(before + SIZE - here, at - here, here);
  return memcmp(before, "HTTP/", SIZE) == 0;
}

/* llhttp passes over several spaces in the request line, and over RTSP and ICE in place of HTTP. */
static int on_version(llhttp_t *llhttp, const char *at, size_t length) {
  tg_http1_parser *parser = parser_of(llhttp);
  (void)length;
  if (parser->version_begun) return 0;
  parser->version_begun = true;
  if (llhttp->type != HTTP_REQUEST) return 0;
  size_t expected = parser->line_offset + parser->head->method.size + 1 + parser->head->target.size + 1 + 5;
  if (offset_of(parser, at) == expected && follows_protocol(parser, at)) return 0;
  return fail(parser, 400, "the request line is not a method, a target and HTTP's version");
}

static int on_version_complete(llhttp_t *llhttp) {
  parser_of(llhttp)->head->major = llhttp->http_major; /* the target has ended, if it is a request */
  return 0;
}

static int on_header_field(llhttp_t *llhttp, const char *at, size_t length) {
  tg_http1_parser *parser = parser_of(llhttp);
  if (parser->in_body) return 0;
  tg_head *head = parser->head;
  bool starts = head->field_count == 0 || head->fields[head->field_count - 1].value.data != NULL;
  if (starts && tg_head_add_field(head, parser->arena) == NULL) return fail(parser, 500, "out of memory");
  return append(parser, &head->fields[head->field_count - 1].name, at, length);
}

/* The count is looked at when a name is whole: one that turns out to be none is 400 wherever the bytes were cut. */
static int on_header_field_complete(llhttp_t *llhttp) {
  tg_http1_parser *parser = parser_of(llhttp);
  if (parser->in_body || parser->head->field_count <= parser->field_count_max) return 0;
  return fail(parser, 431, "too many header fields");
}

static int on_header_value(llhttp_t *llhttp, const char *at, size_t length) {
  tg_http1_parser *parser = parser_of(llhttp);
  if (parser->in_body) return 0;
  return append(parser, &parser->head->fields[parser->head->field_count - 1].value, at, length);
}

/* May it be Connection or Keep-Alive, which few messages have? */
static bool tells_of_keeping(tg_text name) {
  return name.size == 10 && ((name.data[0] | 0x20) == 'c' || (name.data[0] | 0x20) == 'k');
}

static int on_header_value_complete(llhttp_t *llhttp) {
  tg_http1_parser *parser = parser_of(llhttp);
  if (parser->in_body) return 0;
  tg_field *field = &parser->head->fields[parser->head->field_count - 1];
  if (tells_of_keeping(field->name)) parser->head->tells_of_keeping = true;
  field->value = tg_text_trim(field->value);
  if (field->value.data == NULL) field->value.data = ""; /* an empty value is complete as well */
  return 0;
}

/* llhttp sees no "close" behind a tab, and none where "keep-alive" of HTTP/1.0 stands beside it (RFC 9112 section 9.3). */
static bool names_close(const tg_head *head) {
  return head->tells_of_keeping && tg_head_has_element(head, TG_TEXT("Connection"), TG_TEXT("close"));
}

static void read_framing(tg_http1_parser *parser, const llhttp_t *llhttp) {
  tg_head *head = parser->head;
  head->major = llhttp->http_major;
  head->minor = llhttp->http_minor;
  head->status = llhttp->status_code;
  head->chunked = (llhttp->flags & F_CHUNKED) != 0;
  head->keep_alive = llhttp_should_keep_alive(llhttp) != 0 && !parser->names_close;
  head->content_length = TG_LENGTH_UNKNOWN;
  if ((llhttp->flags & F_CONTENT_LENGTH) == 0) return;
  bool huge = llhttp->content_length > (UINT64_C(1) << 62);
  head->content_length = huge ? TG_LENGTH_HUGE : (int64_t)llhttp->content_length;
}

static int on_headers_complete(llhttp_t *llhttp) {
  tg_http1_parser *parser = parser_of(llhttp);
  parser->in_body = true;
  parser->head_bytes = 0; /* from here on it counts what chunks take beside the body */
  parser->names_close = names_close(parser->head);
  read_framing(parser, llhttp);
  parser->connection_flags = llhttp->flags & CONNECTION_FLAGS;
  /* An upgrade that nobody asked for is an ordinary request (RFC 9110 section 7.8). */
  llhttp->upgrade = 0;
  switch (parser->events->on_head(parser->owner, parser->head)) {
    case TG_HTTP1_ON:
      return parser->head->chunked ? HPE_PAUSED : 0; /* so that the count begins right here */
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
  if (parser->head->chunked) parser->head_bytes -= (int64_t)length;
  if (parser->events->on_body(parser->owner, at, length) == TG_HTTP1_ON) return 0;
  return refuse(parser);
}

static int on_message_complete(llhttp_t *llhttp) {
  tg_http1_parser *parser = parser_of(llhttp);
  llhttp->flags = (uint16_t)((llhttp->flags & ~CONNECTION_FLAGS) | parser->connection_flags);
  parser->complete = true;
  /* What the head says holds, unless it could not know yet that there is no body, or trailers speak against it. */
  bool is_said = parser->head->keep_alive && !parser->in_trailers;
  parser->keep_alive = is_said || (llhttp_should_keep_alive(llhttp) != 0 && !parser->names_close);
  return HPE_PAUSED;
}

/* What a chunk of that size takes at least: its size in hexadecimal and two line ends. */
static int64_t framing_bytes(uint64_t size) {
  int64_t digits = 1;
  while (size >>= 4) digits++;
  return digits + 4;
}

static int on_chunk_header(llhttp_t *llhttp) {
  tg_http1_parser *parser = parser_of(llhttp);
  parser->head_bytes -= framing_bytes(llhttp->content_length);
  parser->in_trailers = llhttp->content_length == 0;
  if (parser->events->on_chunk(parser->owner, llhttp->content_length) == TG_HTTP1_ON) return 0;
  return refuse(parser);
}

/* llhttp takes extensions without a name, and empty values (RFC 9112 section 7.1.1). */
static int on_extension(llhttp_t *llhttp, const char *at, size_t length) {
  (void)at;
  parser_of(llhttp)->part_bytes += (uint32_t)length;
  return 0;
}

static int on_extension_complete(llhttp_t *llhttp) {
  tg_http1_parser *parser = parser_of(llhttp);
  bool is_empty = parser->part_bytes == 0;
  parser->part_bytes = 0;
  return is_empty ? fail(parser, 400, "a chunk extension with an empty name or value") : 0;
}

static const llhttp_settings_t request_settings = {
    .on_method = on_method,
    .on_method_complete = on_method_complete,
    .on_url = on_url,
    .on_version = on_version,
    .on_version_complete = on_version_complete,
    .on_header_field = on_header_field,
    .on_header_field_complete = on_header_field_complete,
    .on_header_value = on_header_value,
    .on_header_value_complete = on_header_value_complete,
    .on_headers_complete = on_headers_complete,
    .on_chunk_extension_name = on_extension,
    .on_chunk_extension_name_complete = on_extension_complete,
    .on_chunk_extension_value = on_extension,
    .on_chunk_extension_value_complete = on_extension_complete,
    .on_chunk_header = on_chunk_header,
    .on_body = on_body,
    .on_message_complete = on_message_complete,
};

void tg_http1_parser_init(tg_http1_parser *parser, tg_http1_role role, const tg_http1_events *events, void *owner) {
  *parser = (tg_http1_parser){.events = events, .owner = owner};
  parser->head_bytes_max = HEAD_BYTES_MAX;
  parser->field_count_max = FIELD_COUNT_MAX;
  llhttp_init(&parser->llhttp, role == TG_HTTP1_REQUESTS ? HTTP_REQUEST : HTTP_RESPONSE, &request_settings);
  /* A 1xx response that closes, or is of HTTP/1.0, is not the last one; what follows a final one is not read here. */
  if (role == TG_HTTP1_RESPONSES) llhttp_set_lenient_keep_alive(&parser->llhttp, 1);
}

void tg_http1_parser_begin(tg_http1_parser *parser, tg_arena *arena, tg_head *head) {
  parser->arena = arena;
  parser->head = head;
  parser->head_bytes = 0;
  parser->in_body = parser->in_trailers = parser->version_begun = parser->complete = false;
  parser->method_whole = parser->ended = parser->keep_alive = parser->begun = parser->method_unknown = false;
  parser->blank_bytes = parser->method_bytes = parser->part_bytes = 0;
  memset(parser->last_bytes, 0, sizeof parser->last_bytes);
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
  bool is_target = parser->method_whole && parser->head->target.size == 0 && parser->error_status == 0;
  if (is_target) check_method(parser); /* as on_url does where the target came in an earlier piece */
  if (parser->error_status != 0) return TG_HTTP1_ERROR;
  unsigned status = status_of(parser, error);
  const char *reason = llhttp_get_error_reason(&parser->llhttp);
  if (reason == NULL || *reason == '\0') reason = llhttp_errno_name(error);
  if (status == 505) reason = unknown_version;
  return fail_result(parser, status, reason);
}

static tg_http1_result end_message(tg_http1_parser *parser) {
  parser->ended = true;
  parser->events->on_end(parser->owner);
  return TG_HTTP1_END;
}

/* Keeps the end of a piece within the request line, for follows_protocol. */
static void keep_last_bytes(tg_http1_parser *parser, const char *bytes, size_t size) {
  size_t kept = sizeof parser->last_bytes;
  if (size > kept) bytes += size - kept;
  if (size > kept) size = kept;
  memmove(parser->last_bytes, parser->last_bytes + size, kept - size);
  memcpy(parser->last_bytes + kept - size, bytes, size);
}

/* Goes on with a method that llhttp does not know. A token that a space ends is one all the same, and so is one that is
   longer than any (RFC 9112 section 3); everything else is no request line. */
static tg_http1_result judge_method(tg_http1_parser *parser, const char *bytes, size_t size) {
  size_t count = 0;
  while (count < size && tg_char_is(bytes[count], TG_CHAR_TOKEN)) count++;
  parser->method_unknown = true;
  parser->method_whole = false;
  parser->method_bytes += (uint32_t)count;
  if (parser->method_bytes > UNKNOWN_METHOD_BYTES_MAX) return fail_result(parser, 501, unknown_method);
  if (count == size) return TG_HTTP1_MORE;
  if (bytes[count] == ' ') return fail_result(parser, 501, unknown_method);
  return fail_result(parser, 400, "the request line does not begin with a method");
}

/* Does a token reach up to `at`? */
static bool follows_token(const tg_http1_parser *parser, const char *at) {
  char before = at > parser->piece ? at[-1] : parser->last_bytes[sizeof parser->last_bytes - 1];
  return tg_char_is(before, TG_CHAR_TOKEN);
}

/* Runs llhttp over `size` bytes and says in *used how many it took. */
static tg_http1_result execute(tg_http1_parser *parser, const char *bytes, size_t size, size_t *used) {
  *used = size;
  if (parser->method_unknown) return judge_method(parser, bytes, size);
  parser->piece = bytes;
  llhttp_errno_t error = llhttp_execute(&parser->llhttp, bytes, size);
  if (error == HPE_OK) {
    if (!parser->version_begun) keep_last_bytes(parser, bytes, size);
    return TG_HTTP1_MORE;
  }
  const char *at = llhttp_get_error_pos(&parser->llhttp);
  bool may_be_method = error == HPE_INVALID_METHOD && (follows_token(parser, at) || *at != ' ');
  if (may_be_method) return judge_method(parser, at, size - (size_t)(at - bytes));
  *used = (size_t)(at - bytes);
  if (error != HPE_PAUSED) return stop(parser, error);
  llhttp_resume(&parser->llhttp);
  return parser->complete ? end_message(parser) : TG_HTTP1_MORE;
}

static tg_http1_result too_large(tg_http1_parser *parser) {
  if (parser->in_trailers) return fail_result(parser, 431, "too many bytes of trailers");
  if (parser->in_body) return fail_result(parser, 413, "too many bytes of chunk extensions");
  bool in_target = parser->head->target.size > 0 && parser->head->major == 0;
  if (in_target) return fail_result(parser, 414, "the request target is too long");
  return fail_result(parser, 431, "the header section is too large");
}

size_t tg_http1_blank_bytes(const char *bytes, size_t size, size_t before) {
  size_t count = 0;
  while (count < size && bytes[count] == ((before + count) % 2 == 0 ? '\r' : '\n')) count++;
  return count;
}

/* llhttp passes over every CR and LF before a start line, of requests and of responses. */
static tg_http1_result begin_line(tg_http1_parser *parser, const char *bytes, size_t size, size_t *used) {
  bool is_request = parser->llhttp.type == HTTP_REQUEST;
  size_t room = (size_t)(parser->head_bytes_max - parser->head_bytes), piece = size < room ? size : room;
  *used = is_request ? tg_http1_blank_bytes(bytes, piece, parser->blank_bytes) : 0;
  parser->blank_bytes += (uint32_t)*used;
  parser->head_bytes += (int64_t)*used;
  if (*used == piece) return piece == size ? TG_HTTP1_MORE : fail_result(parser, 431, "too many blank lines");
  bool is_bare = parser->blank_bytes % 2 != 0 || bytes[*used] == '\r' || bytes[*used] == '\n';
  if (is_bare) return fail_result(parser, 400, "a bare CR or LF before the start line");
  parser->begun = true;
  return TG_HTTP1_MORE;
}

tg_http1_result tg_http1_parser_feed(tg_http1_parser *parser, const char *bytes, size_t size, size_t *used) {
  *used = 0;
  bool blank = !parser->begun && (parser->blank_bytes > 0 || size == 0 || *bytes == '\r' || *bytes == '\n');
  tg_http1_result result = blank ? begin_line(parser, bytes, size, used) : TG_HTTP1_MORE;
  parser->begun = parser->begun || !blank;
  while (result == TG_HTTP1_MORE && *used < size) {
    size_t piece = size - *used, taken = 0;
    size_t room = (size_t)(parser->head_bytes_max - parser->head_bytes);
    bool counts = !parser->in_body || parser->head->chunked;
    if (counts && room == 0) return too_large(parser);
    if (counts && piece > room) piece = room;
    parser->piece_offset = (uint32_t)parser->head_bytes;
    if (counts) parser->head_bytes += (int64_t)piece; /* callbacks take off what does not count */
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
