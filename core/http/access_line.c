#include "http/access_line.h"
#include "proto/forwarded.h"
#include "proto/utf8.h"

#include <assert.h>

#define NS_PER_SECOND UINT64_C(1000000000)

enum {
  ESCAPED_MAX = 6, /* bytes that one byte of a value becomes at most */
  CUT_BYTES = 3,   /* "..." */
  FIXED_BYTES_MAX = 2048,
  WORDS = 7 + TG_ACCESS_UPSTREAMS_MAX, /* id, remote, peer, method, route, cancelled, error; each upstream's host */
};

static_assert(ESCAPED_MAX * (TG_ACCESS_TARGET_BYTES_MAX + 2 * TG_ACCESS_FIELD_BYTES_MAX +
                             WORDS * TG_ACCESS_WORD_BYTES_MAX) +
                      (WORDS + 3) * CUT_BYTES + FIXED_BYTES_MAX <=
                  TG_ACCESS_LINE_BYTES_MAX,
              "the longest line fits");

static const char hex[] = "0123456789abcdef";

/* --- writing: each returns where the next byte goes --- */

static char *put(char *at, const char *data, size_t size) {
  memcpy(at, data, size);
  return at + size;
}

#define PUT(at, literal) put((at), (literal), sizeof(literal) - 1)

static char *put_number(char *at, uint64_t number) {
  char digits[20];
  size_t first = sizeof digits;
  do {
    digits[--first] = (char)('0' + number % 10);
    number /= 10;
  } while (number > 0);
  return put(at, digits + first, sizeof digits - first);
}

/* Exactly `size` digits. */
static char *put_digits(char *at, unsigned number, unsigned size) {
  for (unsigned i = size; i > 0; i--) {
    at[i - 1] = (char)('0' + number % 10);
    number /= 10;
  }
  return at + size;
}

/* "0.000412": seconds with microseconds. */
static char *put_seconds(char *at, uint64_t ns) {
  at = put_number(at, ns / NS_PER_SECOND);
  *at++ = '.';
  return put_digits(at, (unsigned)(ns % NS_PER_SECOND / 1000), 6);
}

static char *put_hex(char *at, uint64_t number) {
  unsigned size = 6;
  while (size < 16 && number >> (4 * size) != 0) size++;
  for (unsigned i = size; i > 0; i--) {
    at[i - 1] = hex[number & 15];
    number >>= 4;
  }
  return at + size;
}

/* --- values --- */

/* Where a byte of a value may not stand for itself. */
enum {
  SPECIAL_IN_JSON = 1,
  SPECIAL_IN_QUOTES = 2,
  SPECIAL_IN_WORD = 4, /* without quotes around it, or with fields divided by spaces inside of them */
  SPECIAL = SPECIAL_IN_JSON | SPECIAL_IN_QUOTES | SPECIAL_IN_WORD,
};

static const uint8_t special[256] = {
    [0 ... 0x1f] = SPECIAL, [' '] = SPECIAL_IN_WORD, ['"'] = SPECIAL, ['\\'] = SPECIAL, [0x7f ... 0xff] = SPECIAL,
};

static const char *skip_plain(const char *from, const char *end, unsigned where) {
  while (from < end && (special[(unsigned char)*from] & where) == 0) from++;
  return from;
}

static char *put_hex_escape(char *at, unsigned char c) {
  *at++ = '\\';
  *at++ = 'x';
  *at++ = hex[c >> 4];
  *at++ = hex[c & 15];
  return at;
}

static char *put_unicode_escape(char *at, unsigned code) {
  at = PUT(at, "\\u");
  for (int shift = 12; shift >= 0; shift -= 4) *at++ = hex[code >> shift & 15];
  return at;
}

/* Writes the special character at *from and goes behind it. */
static char *put_json_special(char *at, const char **from, const char *end) {
  unsigned char c = (unsigned char)**from;
  size_t size = tg_utf8_character((tg_text){*from, (size_t)(end - *from)});
  unsigned code_point = size > 0 ? tg_utf8_code_point(*from, size) : c;
  if (c == '"' || c == '\\') {
    *at++ = '\\';
    *at++ = (char)c;
  } else if (size > 1 && !tg_utf8_is_control(code_point)) {
    at = put(at, *from, size);
  } else {
    at = put_unicode_escape(at, code_point);
  }
  *from += size > 0 ? size : 1;
  return at;
}

/* A value of at most `size_max` bytes. It is cut between two characters, so that a cut makes none of them invalid. */
static tg_text cut(tg_text value, size_t size_max, bool *is_cut) {
  *is_cut = value.size > size_max;
  if (!*is_cut) return value;
  size_t size = size_max;
  while (size > size_max - 3 && ((unsigned char)value.data[size] & 0xc0) == 0x80) size--;
  return (tg_text){value.data, size};
}

/* A value as JSON's strings have it, without the quotes. */
static char *put_json_value(char *at, tg_text value, size_t size_max) {
  bool is_cut;
  value = cut(value, size_max, &is_cut);
  const char *from = value.data, *end = value.data + value.size;
  while (from < end) {
    const char *plain = from;
    from = skip_plain(from, end, SPECIAL_IN_JSON);
    at = put(at, plain, (size_t)(from - plain));
    if (from < end) at = put_json_special(at, &from, end);
  }
  return is_cut ? PUT(at, "...") : at;
}

/* A value of the combined format, or "-" for none. */
static char *put_combined_value(char *at, tg_text value, size_t size_max, unsigned where) {
  if (value.size == 0) return PUT(at, "-");
  bool is_cut;
  value = cut(value, size_max, &is_cut);
  const char *from = value.data, *end = value.data + value.size;
  while (from < end) {
    const char *plain = from;
    from = skip_plain(from, end, where);
    at = put(at, plain, (size_t)(from - plain));
    if (from < end) at = put_hex_escape(at, (unsigned char)*from++);
  }
  return is_cut ? PUT(at, "...") : at;
}

/* --- time --- */

static char *put_hms(char *at, const struct tm *utc) {
  at = put_digits(at, (unsigned)utc->tm_hour, 2);
  *at++ = ':';
  at = put_digits(at, (unsigned)utc->tm_min, 2);
  *at++ = ':';
  return put_digits(at, (unsigned)utc->tm_sec, 2);
}

/* "2026-11-23T11:57:10" */
static void write_json_time(char *at, const struct tm *utc) {
  at = put_digits(at, (unsigned)utc->tm_year + 1900, 4);
  *at++ = '-';
  at = put_digits(at, (unsigned)utc->tm_mon + 1, 2);
  *at++ = '-';
  at = put_digits(at, (unsigned)utc->tm_mday, 2);
  *at++ = 'T';
  put_hms(at, utc);
}

/* "23/Nov/2026:11:57:10 +0000" */
static void write_combined_time(char *at, const struct tm *utc) {
  static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
  at = put_digits(at, (unsigned)utc->tm_mday, 2);
  *at++ = '/';
  at = put(at, months + 3 * utc->tm_mon, 3);
  *at++ = '/';
  at = put_digits(at, (unsigned)utc->tm_year + 1900, 4);
  *at++ = ':';
  at = put_hms(at, utc);
  PUT(at, " +0000");
}

/* The texts of a second are written once. */
static void set_second(tg_access_line_state *state, time_t second) {
  struct tm utc;
  if (state->second == second && state->json_time[0] != '\0') return;
  gmtime_r(&second, &utc);
  write_json_time(state->json_time, &utc);
  write_combined_time(state->combined_time, &utc);
  state->second = second;
}

static uint64_t time_of(const tg_access_record *record) {
  struct timespec now;
  if (record->time_ns != 0) return record->time_ns;
  clock_gettime(CLOCK_REALTIME, &now);
  return (uint64_t)now.tv_sec * NS_PER_SECOND + (uint64_t)now.tv_nsec - record->duration_ns;
}

/* --- JSON --- */

/* ,"name":"value"; nothing for a value that is not known. `name` has what stands before the value. */
static char *put_member(char *at, tg_text name, tg_text value, size_t size_max) {
  if (value.size == 0) return at;
  at = put(at, name.data, name.size);
  at = put_json_value(at, value, size_max);
  *at++ = '"';
  return at;
}

#define MEMBER(name) TG_TEXT(",\"" name "\":\"")

static char *put_id(char *at, const tg_access_line_state *state, const tg_access_record *record) {
  if (record->id.size == 0 && record->number == 0) return at;
  at = PUT(at, ",\"id\":\"");
  if (record->id.size > 0) {
    at = put_json_value(at, record->id, TG_ACCESS_WORD_BYTES_MAX);
  } else {
    if (state->id_prefix.size > 0) {
      at = put(at, state->id_prefix.data, state->id_prefix.size);
      *at++ = '-';
    }
    at = put_hex(at, record->number);
  }
  *at++ = '"';
  return at;
}

static char *put_status(char *at, unsigned status) {
  return status != 0 ? put_number(at, status) : PUT(at, "null");
}

static char *put_upstream(char *at, const tg_access_upstream *upstream) {
  at = PUT(at, "{\"host\":\"");
  at = put_json_value(at, upstream->host, TG_ACCESS_WORD_BYTES_MAX);
  at = PUT(at, "\",\"status\":");
  at = put_status(at, upstream->status);
  at = PUT(at, ",\"seconds\":");
  at = put_seconds(at, upstream->duration_ns);
  *at++ = '}';
  return at;
}

static char *put_upstreams(char *at, const tg_access_record *record) {
  unsigned count = record->upstream_count;
  if (count == 0) return at;
  at = PUT(at, ",\"upstreams\":[");
  for (unsigned i = 0; i < count && i < TG_ACCESS_UPSTREAMS_MAX; i++) {
    if (i > 0) *at++ = ',';
    at = put_upstream(at, &record->upstreams[i]);
  }
  *at++ = ']';
  if (count <= TG_ACCESS_UPSTREAMS_MAX) return at;
  at = PUT(at, ",\"upstream_count\":");
  return put_number(at, count);
}

static char *put_json_request(char *at, const tg_access_record *record) {
  at = put_member(at, MEMBER("remote"), record->remote, TG_ACCESS_WORD_BYTES_MAX);
  at = put_member(at, MEMBER("peer"), record->peer, TG_ACCESS_WORD_BYTES_MAX);
  at = put_member(at, MEMBER("method"), record->method, TG_ACCESS_WORD_BYTES_MAX);
  at = put_member(at, MEMBER("target"), record->target, TG_ACCESS_TARGET_BYTES_MAX);
  if (record->major == 0) return at;
  at = PUT(at, ",\"version\":\"");
  at = put_number(at, record->major);
  *at++ = '.';
  at = put_number(at, record->minor);
  *at++ = '"';
  return at;
}

static char *put_json_answer(char *at, const tg_access_record *record) {
  at = PUT(at, ",\"status\":");
  at = put_status(at, record->status);
  at = PUT(at, ",\"bytes_in\":");
  at = put_number(at, record->bytes_in);
  at = PUT(at, ",\"bytes_out\":");
  at = put_number(at, record->bytes_out);
  at = PUT(at, ",\"seconds\":");
  at = put_seconds(at, record->duration_ns);
  at = PUT(at, ",\"head_seconds\":");
  return record->status != 0 ? put_seconds(at, record->head_ns) : PUT(at, "null");
}

static char *put_json_time(char *at, tg_access_line_state *state, const tg_access_record *record) {
  uint64_t time_ns = time_of(record);
  set_second(state, (time_t)(time_ns / NS_PER_SECOND));
  at = PUT(at, "{\"time\":\"");
  at = put(at, state->json_time, sizeof state->json_time);
  *at++ = '.';
  at = put_digits(at, (unsigned)(time_ns % NS_PER_SECOND / 1000000), 3);
  return PUT(at, "Z\"");
}

size_t tg_access_line_json(tg_access_line_state *state, const tg_access_record *record, char *line) {
  char *at = put_json_time(line, state, record);
  at = put_id(at, state, record);
  at = put_json_request(at, record);
  at = put_json_answer(at, record);
  at = put_member(at, MEMBER("route"), record->route, TG_ACCESS_WORD_BYTES_MAX);
  at = put_member(at, MEMBER("user_agent"), record->user_agent, TG_ACCESS_FIELD_BYTES_MAX);
  at = put_member(at, MEMBER("referer"), record->referer, TG_ACCESS_FIELD_BYTES_MAX);
  at = put_upstreams(at, record);
  at = put_member(at, MEMBER("cancelled"), record->cancelled, TG_ACCESS_WORD_BYTES_MAX);
  at = put_member(at, MEMBER("error"), record->error, TG_ACCESS_WORD_BYTES_MAX);
  at = PUT(at, "}\n");
  return (size_t)(at - line);
}

/* --- the combined format --- */

/* The address without its port, as other servers write it: "[::1]:80" becomes "::1". */
static tg_text host_of(tg_text remote) {
  bool is_path = remote.size >= 5 && memcmp(remote.data, "unix:", 5) == 0;
  tg_hop hop = tg_hop_parse(remote);
  return is_path || hop.host.size == 0 ? remote : hop.host;
}

/* "GET /path HTTP/1.1", or "-" where there was no request line. */
static char *put_request_line(char *at, const tg_access_record *record) {
  if (record->method.size == 0) return PUT(at, "-");
  at = put_combined_value(at, record->method, TG_ACCESS_WORD_BYTES_MAX, SPECIAL_IN_WORD);
  *at++ = ' ';
  at = put_combined_value(at, record->target, TG_ACCESS_TARGET_BYTES_MAX, SPECIAL_IN_WORD);
  if (record->major == 0) return at;
  at = PUT(at, " HTTP/");
  at = put_number(at, record->major);
  *at++ = '.';
  return put_number(at, record->minor);
}

static char *put_combined_head(char *at, tg_access_line_state *state, const tg_access_record *record) {
  set_second(state, (time_t)(time_of(record) / NS_PER_SECOND));
  tg_text host = record->remote.size > 0 ? host_of(record->remote) : record->remote;
  at = put_combined_value(at, host, TG_ACCESS_WORD_BYTES_MAX, SPECIAL_IN_WORD);
  at = PUT(at, " - - [");
  at = put(at, state->combined_time, sizeof state->combined_time);
  return PUT(at, "] \"");
}

size_t tg_access_line_combined(tg_access_line_state *state, const tg_access_record *record, char *line) {
  char *at = put_combined_head(line, state, record);
  at = put_request_line(at, record);
  at = PUT(at, "\" ");
  at = record->status != 0 ? put_number(at, record->status) : PUT(at, "-");
  *at++ = ' ';
  at = put_number(at, record->bytes_out);
  at = PUT(at, " \"");
  at = put_combined_value(at, record->referer, TG_ACCESS_FIELD_BYTES_MAX, SPECIAL_IN_QUOTES);
  at = PUT(at, "\" \"");
  at = put_combined_value(at, record->user_agent, TG_ACCESS_FIELD_BYTES_MAX, SPECIAL_IN_QUOTES);
  at = PUT(at, "\" ");
  at = put_seconds(at, record->duration_ns);
  *at++ = '\n';
  return (size_t)(at - line);
}
