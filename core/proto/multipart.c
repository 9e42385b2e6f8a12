#include "proto/multipart.h"
#include "base/chars.h"
#include "proto/parameters.h"
#include "proto/part_head.h"

const tg_multipart_limits tg_multipart_limits_default = {
    .part_count_max = 1000,
    .part_head_bytes_max = 8 * 1024,
    .part_field_count_max = 32,
};

/* What a step answers when it has nothing to tell and there may be more to read. */
enum { GO_ON = -1 };

static int fail(tg_multipart *parser, unsigned status, const char *text) {
  parser->state = TG_MULTIPART_FAILED;
  parser->error_status = status;
  parser->error_text = text;
  return TG_MULTIPART_ERROR;
}

static void consume(tg_text *bytes, size_t size) {
  *bytes = (tg_text){bytes->data + size, bytes->size - size};
}

/* --- the boundary --- */

/* RFC 2046 has ' ( ) + _ , - . / : = ? and the space; some clients use other characters of tokens, such as "*". */
static bool is_boundary(tg_text text) {
  if (text.size == 0 || text.size > TG_BOUNDARY_BYTES_MAX || text.data[text.size - 1] == ' ') return false;
  for (size_t i = 0; i < text.size; i++) {
    char c = text.data[i];
    if (c == '\0' || (!tg_char_is(c, TG_CHAR_TOKEN) && strchr("(),/:=? ", c) == NULL)) return false;
  }
  return true;
}

static const char *find_boundary(tg_text rest, tg_text *boundary) {
  tg_parameter parameter;
  tg_parameter_result result;
  *boundary = (tg_text){NULL, 0};
  while ((result = tg_parameter_next(&rest, &parameter)) == TG_PARAMETER) {
    if (!tg_text_equal_nocase(parameter.name, TG_TEXT("boundary"))) continue;
    if (boundary->data != NULL) return "Content-Type has two boundaries";
    if (!is_boundary(parameter.value)) return "the boundary in Content-Type is not valid";
    *boundary = parameter.value;
  }
  if (result == TG_PARAMETERS_BAD) return "bad parameters in Content-Type";
  return boundary->data != NULL ? NULL : "Content-Type has no boundary";
}

/* A boundary in the very first line has no line end before it. */
static void begin_first_line(tg_multipart *parser) {
  parser->matched = parser->matched_from = 2;
}

bool tg_multipart_init(tg_multipart *parser, tg_text content_type, const tg_multipart_limits *limits) {
  tg_text boundary;
  *parser = (tg_multipart){.limits = *limits};
  if (content_type.data == NULL) content_type = TG_TEXT("");
  tg_arena_init(&parser->arena, parser->memory, sizeof parser->memory);
  if (!tg_text_equal_nocase(tg_parameters_begin(&content_type), TG_TEXT("multipart/form-data"))) {
    fail(parser, 415, "the body is not multipart/form-data");
    return false;
  }
  const char *wrong = find_boundary(content_type, &boundary);
  if (wrong != NULL) {
    fail(parser, 400, wrong);
    return false;
  }
  memcpy(parser->delimiter, "\r\n--", 4);
  memcpy(parser->delimiter + 4, boundary.data, boundary.size);
  parser->delimiter_size = 4 + boundary.size;
  begin_first_line(parser);
  return true;
}

void tg_multipart_free(tg_multipart *parser) {
  tg_arena_free(&parser->arena);
  tg_buffer_free(&parser->lines);
}

/* --- preamble and bodies --- */

/* How many bytes of the delimiter, behind those that have matched, `text` begins with. */
static size_t matching(const tg_multipart *parser, size_t matched, tg_text text) {
  size_t size = 0, most = parser->delimiter_size - matched;
  if (most > text.size) most = text.size;
  while (size < most && text.data[size] == parser->delimiter[matched + size]) size++;
  return size;
}

/* Where the delimiter begins in the text, or may begin at its end; the text's size where it does not. */
static size_t find_delimiter(const tg_multipart *parser, tg_text text) {
  size_t at = 0;
  while (at < text.size) {
    const char *cr = memchr(text.data + at, '\r', text.size - at);
    if (cr == NULL) return text.size;
    at = (size_t)(cr - text.data);
    size_t size = matching(parser, 0, (tg_text){cr, text.size - at});
    if (size == parser->delimiter_size || at + size == text.size) return at;
    at += size;
  }
  return at;
}

static int give(tg_multipart *parser, tg_text piece) {
  if (parser->state == TG_MULTIPART_PREAMBLE || piece.size == 0) return GO_ON;
  parser->piece = piece;
  return TG_MULTIPART_BODY;
}

static int end_body(tg_multipart *parser) {
  bool at_start = parser->in_part && parser->matched_from > 0;
  parser->matched = parser->matched_from = 0;
  /* Some take this for an empty body, others for a part of the body. */
  if (at_start) return fail(parser, 400, "a boundary stands where the body of a part begins");
  parser->state = TG_MULTIPART_BOUNDARY;
  return GO_ON;
}

static int go_on_matching(tg_multipart *parser, tg_text *bytes) {
  size_t size = matching(parser, parser->matched, *bytes);
  parser->matched += size;
  consume(bytes, size);
  if (parser->matched == parser->delimiter_size) return end_body(parser);
  if (bytes->size == 0) return TG_MULTIPART_MORE;
  tg_text piece = {parser->delimiter + parser->matched_from, parser->matched - parser->matched_from};
  parser->matched = parser->matched_from = 0;
  return give(parser, piece);
}

static int read_body(tg_multipart *parser, tg_text *bytes) {
  if (parser->matched > 0) return go_on_matching(parser, bytes);
  tg_text piece = {bytes->data, find_delimiter(parser, *bytes)};
  consume(bytes, piece.size);
  if (bytes->size > 0) {
    parser->matched = 1;
    consume(bytes, 1);
  }
  return give(parser, piece);
}

/* --- the line of a boundary --- */

static int enter(tg_multipart *parser, tg_multipart_state state) {
  parser->state = state;
  return GO_ON;
}

static int fail_line(tg_multipart *parser) {
  return fail(parser, 400, "a boundary is followed by something other than the end of its line");
}

static int end_part(tg_multipart *parser, tg_multipart_state state) {
  bool was_in_part = parser->in_part;
  parser->state = state;
  parser->in_part = false;
  return was_in_part ? TG_MULTIPART_PART_END : GO_ON;
}

static int begin_head(tg_multipart *parser) {
  parser->part_count++;
  parser->line_at = 0;
  tg_buffer_clear(&parser->lines);
  return end_part(parser, TG_MULTIPART_HEAD);
}

static bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

/* One byte. Blanks may stand before the line's end: RFC 2046 calls them transport padding. */
static int read_line_of_boundary(tg_multipart *parser, tg_text *bytes) {
  char c = bytes->data[0];
  consume(bytes, 1);
  switch (parser->state) {
    case TG_MULTIPART_BOUNDARY:
      if (c == '-') return enter(parser, TG_MULTIPART_DASH);
      /* fall through */
    case TG_MULTIPART_PADDING:
      if (c == '\r') return enter(parser, TG_MULTIPART_LINE_END);
      return is_blank(c) ? enter(parser, TG_MULTIPART_PADDING) : fail_line(parser);
    case TG_MULTIPART_LINE_END:
      return c == '\n' ? begin_head(parser) : fail_line(parser);
    case TG_MULTIPART_DASH:
      return c == '-' ? end_part(parser, TG_MULTIPART_CLOSED) : fail_line(parser);
    case TG_MULTIPART_CLOSED:
      if (c == '\r') return enter(parser, TG_MULTIPART_CLOSED_LINE);
      return is_blank(c) ? GO_ON : fail_line(parser);
    default:
      return c == '\n' ? enter(parser, TG_MULTIPART_EPILOGUE) : fail_line(parser);
  }
}

/* --- heads --- */

static unsigned status_of(const char *wrong) {
  return strcmp(wrong, "out of memory") == 0 ? 500 : 400;
}

static const char *parse_head(tg_multipart *parser) {
  tg_head *head = &parser->head;
  const char *wrong = tg_part_head_parse(head, tg_buffer_text(&parser->lines), &parser->arena);
  if (wrong == NULL) wrong = tg_part_head_check(head);
  if (wrong != NULL) return wrong;
  tg_text disposition = tg_head_value(head, TG_TEXT("Content-Disposition"));
  if (disposition.data == NULL) return "a part has no Content-Disposition";
  return tg_disposition_parse(&parser->disposition, disposition, &parser->arena);
}

static int end_head(tg_multipart *parser) {
  tg_arena_free(&parser->arena);
  tg_arena_init(&parser->arena, parser->memory, sizeof parser->memory);
  parser->head = (tg_head){0};
  const char *wrong = parse_head(parser);
  if (wrong != NULL) return fail(parser, status_of(wrong), wrong);
  if (parser->head.field_count > parser->limits.part_field_count_max) {
    return fail(parser, 413, "a part has too many header lines");
  }
  parser->state = TG_MULTIPART_IN_BODY;
  parser->in_part = true;
  begin_first_line(parser);
  return TG_MULTIPART_PART;
}

/* The line that ends where `lines` does now. */
static int end_line(tg_multipart *parser) {
  tg_text line = tg_buffer_text(&parser->lines);
  size_t end = line.size;
  consume(&line, parser->line_at);
  if (line.data == NULL || line.size < 2 || line.data[line.size - 2] != '\r') {
    return fail(parser, 400, "a header line of a part ends without CRLF");
  }
  parser->line_at = end;
  return line.size == 2 ? end_head(parser) : GO_ON;
}

static int read_head(tg_multipart *parser, tg_text *bytes) {
  if (parser->part_count > parser->limits.part_count_max) return fail(parser, 413, "too many parts");
  if (bytes->size == 0) return TG_MULTIPART_MORE;
  const char *newline = memchr(bytes->data, '\n', bytes->size);
  size_t size = newline != NULL ? (size_t)(newline - bytes->data) + 1 : bytes->size;
  if (tg_buffer_size(&parser->lines) + size > parser->limits.part_head_bytes_max) {
    return fail(parser, 413, "the head of a part is too large");
  }
  if (!tg_buffer_append(&parser->lines, bytes->data, size)) return fail(parser, 500, "out of memory");
  consume(bytes, size);
  return newline != NULL ? end_line(parser) : TG_MULTIPART_MORE;
}

/* --- all of it --- */

static int read_on(tg_multipart *parser, tg_text *bytes) {
  if (parser->state == TG_MULTIPART_FAILED) return TG_MULTIPART_ERROR;
  if (parser->state == TG_MULTIPART_HEAD) return read_head(parser, bytes);
  if (parser->state == TG_MULTIPART_EPILOGUE) consume(bytes, bytes->size);
  if (bytes->size == 0) return TG_MULTIPART_MORE;
  bool in_body = parser->state == TG_MULTIPART_PREAMBLE || parser->state == TG_MULTIPART_IN_BODY;
  return in_body ? read_body(parser, bytes) : read_line_of_boundary(parser, bytes);
}

tg_multipart_event tg_multipart_next(tg_multipart *parser, tg_text *bytes) {
  int event;
  do {
    event = read_on(parser, bytes);
  } while (event == GO_ON);
  return (tg_multipart_event)event;
}

bool tg_multipart_finish(tg_multipart *parser) {
  if (parser->state == TG_MULTIPART_CLOSED || parser->state == TG_MULTIPART_EPILOGUE) return true;
  if (parser->state != TG_MULTIPART_FAILED) fail(parser, 400, "the body ends before its last boundary");
  return false;
}
