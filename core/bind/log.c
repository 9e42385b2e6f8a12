#include "bind/log.h"
#include "io/log_target.h"
#include "proto/printable.h"

#include <stdint.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum { MESSAGE_BYTES_MAX = 8 * 1024 }; /* of one message, as it is written */

static void append_time(tg_buffer *line) {
  struct timespec now;
  struct tm utc;
  char text[40];
  clock_gettime(CLOCK_REALTIME, &now);
  gmtime_r(&now.tv_sec, &utc);
  size_t size = strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &utc);
  size += (size_t)snprintf(text + size, sizeof text - size, ".%03ldZ ", now.tv_nsec / 1000000);
  tg_buffer_append(line, text, size);
}

/* Standard error, which the process has once. Nobody waits for who reads it: what it does not take is dropped. */
static struct {
  tg_log_target target;
  bool is_open;
  bool is_within_line; /* the end of a message was dropped */
  uint64_t dropped;    /* messages, since the last one that went out */
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

static void append_line(tg_buffer *lines, const char *level, tg_text message) {
  append_time(lines);
  tg_buffer_append_text(lines, tg_text_of(level));
  tg_buffer_append(lines, " ", 1);
  tg_printable_append(lines, message, TG_TEXT("    "), MESSAGE_BYTES_MAX);
  tg_buffer_append(lines, "\n", 1);
}

static void append_dropped(tg_buffer *lines) {
  char text[96];
  int size = snprintf(text, sizeof text, "%llu message%s dropped: standard error did not take them",
                      (unsigned long long)output.dropped, output.dropped == 1 ? " was" : "s were");
  append_line(lines, "warn", (tg_text){text, (size_t)size});
}

void tg_log_write(const char *level, tg_text message) {
  tg_buffer lines = {0};
  if (!output.is_open) output.is_open = tg_log_target_open_standard(&output.target, STDERR_FILENO) == 0;
  if (output.is_within_line) tg_buffer_append(&lines, "\n", 1);
  if (output.dropped > 0) append_dropped(&lines);
  append_line(&lines, level, message);
  bool is_out = output.is_open && !lines.failed && write_out(tg_buffer_text(&lines));
  output.dropped = is_out ? 0 : output.dropped + 1;
  tg_buffer_free(&lines);
}
