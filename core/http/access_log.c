#include "http/access_log.h"
#include "base/check.h"
#include "http/access_line.h"

#include <assert.h>
#include <stdlib.h>

static_assert((int)TG_ACCESS_LOG_BUFFER_BYTES_MIN / 2 >= (int)TG_ACCESS_LINE_BYTES_MAX, "any line fits");

struct tg_access_log {
  tg_loop *loop;
  const tg_log_file_events *events;
  void *owner;
  tg_log_file *file; /* NULL when the log is off */
  size_t (*write_line)(tg_access_line_state *state, const tg_access_record *record, char *line);
  tg_access_line_state state;
  char id_prefix[TG_ACCESS_LOG_ID_PREFIX_BYTES_MAX];
  char line[TG_ACCESS_LINE_BYTES_MAX];
};

tg_access_log *tg_access_log_new(tg_loop *loop, const tg_log_file_events *events, void *owner) {
  tg_access_log *log = calloc(1, sizeof *log);
  if (log == NULL) return NULL;
  log->loop = loop;
  log->events = events;
  log->owner = owner;
  return log;
}

static void set_id_prefix(tg_access_log *log, tg_text prefix) {
  size_t size = prefix.size < sizeof log->id_prefix ? prefix.size : sizeof log->id_prefix;
  if (size > 0) memcpy(log->id_prefix, prefix.data, size);
  log->state.id_prefix = (tg_text){log->id_prefix, size};
}

int tg_access_log_open(tg_access_log *log, const tg_access_log_options *options) {
  TG_CHECK(log->file == NULL && options->buffer_bytes_max >= TG_ACCESS_LOG_BUFFER_BYTES_MIN);
  log->write_line = options->format == TG_ACCESS_LOG_JSON ? tg_access_line_json : tg_access_line_combined;
  set_id_prefix(log, options->id_prefix);
  return tg_log_file_open(log->loop, options->path, options->buffer_bytes_max, log->events, log->owner, &log->file);
}

bool tg_access_log_is_open(const tg_access_log *log) {
  return log->file != NULL;
}

void tg_access_log_write(tg_access_log *log, const tg_access_record *record) {
  if (log->file == NULL) return;
  size_t size = log->write_line(&log->state, record, log->line);
  tg_log_file_append(log->file, (tg_text){log->line, size});
}

void tg_access_log_reopen(tg_access_log *log) {
  if (log->file != NULL) tg_log_file_reopen(log->file);
}

tg_log_file_statistics tg_access_log_count(const tg_access_log *log) {
  return log->file != NULL ? tg_log_file_count(log->file) : (tg_log_file_statistics){0};
}

bool tg_access_log_close(tg_access_log *log, unsigned wait_ms, uint64_t *dropped) {
  tg_log_file *file = log->file;
  *dropped = 0;
  log->file = NULL;
  return file == NULL || tg_log_file_close(file, wait_ms, dropped);
}

void tg_access_log_free(tg_access_log *log) {
  TG_CHECK(log->file == NULL);
  free(log);
}
