#include "bind/log.h"
#include "io/log_target.h"
#include "proto/json_shown.h"
#include "proto/printable.h"

#include <stdint.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum { MESSAGE_BYTES_MAX = 8 * 1024, FIELDS_BYTES_MAX = 16 * 1024 }; /* of one message, as it is written */

static void append_time(tg_buffer *line) {
  struct timespec now;
  struct tm utc;
  char text[40];
  clock_gettime(CLOCK_REALTIME, &now);
  gmtime_r(&now.tv_sec, &utc);
  size_t size = strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &utc);
  size += (size_t)snprintf(text + size, sizeof text - size, ".%03ldZ", now.tv_nsec / 1000000);
  tg_buffer_append(line, text, size);
}

/* Standard error, which the process has once. Nobody waits for who reads it: what it does not take is dropped. */
static struct {
  tg_log_target target;
  bool is_open;
  bool is_json;
  bool is_within_line; /* the end of a message was dropped */
  bool is_busy;        /* a message is being written, which a signal's handler may interrupt */
  uint64_t dropped;    /* messages, since the last one that went out */
  void (*keep)(const char *level, tg_text message);
} output;

/* One write for each message that a pipe takes at once, so that messages of several processes do not mix. */
static bool write_out(tg_text text) {
  size_t size = text.size;
  while (text.size > 0) {
    ssize_t written = tg_log_target_write(&output.target, text);
    if (written < 0) {
      output.is_within_line = output.is_within_line || text.size < size;
      return false;
    }
    text = (tg_text){text.data + written, text.size - (size_t)written};
  }
  output.is_within_line = false;
  return true;
}

static void append_text_line(tg_buffer *lines, const char *level, tg_text message, tg_text fields) {
  append_time(lines);
  tg_buffer_append(lines, " ", 1);
  tg_buffer_append_text(lines, tg_text_of(level));
  tg_buffer_append(lines, " ", 1);
  tg_printable_append(lines, message, TG_TEXT("    "), MESSAGE_BYTES_MAX);
  if (fields.size > 0) tg_printable_append(lines, fields, TG_TEXT("    "), FIELDS_BYTES_MAX);
  tg_buffer_append(lines, "\n", 1);
}

static void append_json_line(tg_buffer *lines, const char *level, tg_text message, tg_text fields) {
  tg_buffer_append_text(lines, TG_TEXT("{\"time\":\""));
  append_time(lines);
  tg_buffer_append_text(lines, TG_TEXT("\",\"level\":\""));
  tg_buffer_append_text(lines, tg_text_of(level));
  tg_buffer_append_text(lines, TG_TEXT("\",\"message\":"));
  tg_json_show(lines, message, MESSAGE_BYTES_MAX);
  tg_buffer_append_text(lines, fields);
  tg_buffer_append(lines, "}\n", 2);
}

static void append_line(tg_buffer *lines, const char *level, tg_text message, tg_text fields) {
  if (output.is_json) append_json_line(lines, level, message, fields);
  else append_text_line(lines, level, message, fields);
}

static void append_dropped(tg_buffer *lines) {
  char text[96];
  int size = snprintf(text, sizeof text, "%llu message%s dropped: standard error did not take them",
                      (unsigned long long)output.dropped, output.dropped == 1 ? " was" : "s were");
  char fields[48] = "";
  if (output.is_json) snprintf(fields, sizeof fields, ",\"dropped\":%llu", (unsigned long long)output.dropped);
  append_line(lines, "warn", (tg_text){text, (size_t)size}, tg_text_of(fields));
}

void tg_log_set_json(bool is_json) {
  output.is_json = is_json;
}

void tg_log_keep(void (*keep)(const char *level, tg_text message)) {
  output.keep = keep;
}

void tg_log_write(const char *level, tg_text message) {
  if (output.keep != NULL) output.keep(level, message);
  tg_log_write_fields(level, message, (tg_text){NULL, 0});
}

void tg_log_write_fields(const char *level, tg_text message, tg_text fields) {
  tg_buffer lines = {0};
  if (!output.is_open) output.is_open = tg_log_target_open_standard(&output.target, STDERR_FILENO) == 0;
  if (output.is_within_line) tg_buffer_append(&lines, "\n", 1);
  if (output.dropped > 0) append_dropped(&lines);
  append_line(&lines, level, message, fields);
  output.is_busy = true;
  bool is_out = output.is_open && !lines.failed && write_out(tg_buffer_text(&lines));
  output.is_busy = false;
  output.dropped = is_out ? 0 : output.dropped + 1;
  tg_buffer_free(&lines);
}

/* --- in a signal's handler: nothing is allocated, and nothing of libc called that may be in the middle of something --- */

enum { HANDLER_BYTES_MAX = 1024 };

typedef struct short_line {
  char bytes[HANDLER_BYTES_MAX];
  size_t size;
} short_line;

static void put(short_line *line, tg_text text) {
  for (size_t i = 0; i < text.size && line->size < sizeof line->bytes - 1; i++) {
    char c = text.data[i];
    line->bytes[line->size++] = c >= ' ' && c <= '~' ? c : '?';
  }
}

/* What stands between quotes in JSON, as far as there is room for it and for what comes behind. */
static void put_quoted(short_line *line, tg_text text, size_t behind) {
  for (size_t i = 0; i < text.size && line->size + 2 + behind < sizeof line->bytes; i++) {
    char c = text.data[i];
    if (c == '"' || c == '\\') line->bytes[line->size++] = '\\';
    line->bytes[line->size++] = c >= ' ' && c <= '~' ? c : '?';
  }
}

static void put_digits(short_line *line, long number, int size, char behind) {
  char digits[8];
  for (int i = size - 1; i >= 0; i--, number /= 10) digits[i] = (char)('0' + number % 10);
  digits[size] = behind;
  put(line, (tg_text){digits, (size_t)size + 1});
}

/* The date of a day since 1970, as in Howard Hinnant's days algorithms: years begin in March, so that leap days come
   last. */
static void put_date(short_line *line, long days) {
  long shifted = days + 719468, era = shifted / 146097, day_of_era = shifted % 146097;
  long year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  long day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  long shifted_month = (5 * day_of_year + 2) / 153, month = shifted_month < 10 ? shifted_month + 3 : shifted_month - 9;
  put_digits(line, year_of_era + era * 400 + (month <= 2 ? 1 : 0), 4, '-');
  put_digits(line, month, 2, '-');
  put_digits(line, day_of_year - (153 * shifted_month + 2) / 5 + 1, 2, 'T');
}

static void put_time(short_line *line) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  long seconds = now.tv_sec % 86400;
  put_date(line, now.tv_sec / 86400);
  put_digits(line, seconds / 3600, 2, ':');
  put_digits(line, seconds / 60 % 60, 2, ':');
  put_digits(line, seconds % 60, 2, '.');
  put_digits(line, now.tv_nsec / 1000000, 3, 'Z');
}

static void put_text_line(short_line *line, const char *level, tg_text message) {
  put_time(line);
  put(line, TG_TEXT(" "));
  put(line, tg_text_of(level));
  put(line, TG_TEXT(" "));
  put(line, message);
}

enum { REQUEST_BYTES = 300, END_BYTES = 40 }; /* of the request's id, escaped, and of what stands around it */

static void put_json_line(short_line *line, const char *level, tg_text message, tg_text request) {
  put(line, TG_TEXT("{\"time\":\""));
  put_time(line);
  put(line, TG_TEXT("\",\"level\":\""));
  put(line, tg_text_of(level));
  put(line, TG_TEXT("\",\"message\":\""));
  put_quoted(line, message, REQUEST_BYTES + END_BYTES);
  if (request.size > 0) put(line, TG_TEXT("\",\"request\":\""));
  put_quoted(line, request, END_BYTES);
  put(line, TG_TEXT("\"}"));
}

void tg_log_write_in_handler(const char *level, tg_text message, tg_text request) {
  short_line line = {.size = 0};
  bool is_within_line = output.is_busy || output.is_within_line;
  if (is_within_line) line.bytes[line.size++] = '\n';
  if (output.is_json) put_json_line(&line, level, message, request);
  else put_text_line(&line, level, message);
  line.bytes[line.size++] = '\n';
  tg_log_target standard = {.fd = STDERR_FILENO, .kind = TG_LOG_TARGET_PIPE};
  tg_log_target_write(output.is_open ? &output.target : &standard, (tg_text){line.bytes, line.size});
}
