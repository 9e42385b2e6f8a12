/* The access log: one line for each exchange, written by a thread of its own; see io/log_file.h for what becomes of it
   where the disk is full or nobody reads. It lives as long as the servers that write to it, and may be off meanwhile. */
#ifndef TG_HTTP_ACCESS_LOG_H
#define TG_HTTP_ACCESS_LOG_H

#include "http/access_record.h"
#include "http/client_address.h"
#include "io/log_file.h"

typedef struct tg_access_log tg_access_log;

typedef enum tg_access_log_format {
  TG_ACCESS_LOG_JSON,
  TG_ACCESS_LOG_COMBINED,
} tg_access_log_format;

enum { TG_ACCESS_LOG_ID_PREFIX_BYTES_MAX = 32 };

typedef struct tg_access_log_options {
  const char *path; /* "-" for standard output */
  tg_access_log_format format;
  size_t buffer_bytes_max;    /* TG_ACCESS_LOG_BUFFER_BYTES_MIN at least */
  tg_text id_prefix;          /* of requests' ids; see access_line.h. Copied, and cut at the limit above */
  tg_trusted_proxies trusted; /* whose word about their clients counts; copied */
} tg_access_log_options;

enum { TG_ACCESS_LOG_BUFFER_BYTES_MIN = 131072 }; /* half of it holds the longest line */

/* A log that is off; NULL without memory. The events must live as long as it. */
tg_access_log *tg_access_log_new(tg_loop *loop, const tg_log_file_events *events, void *owner);

/* Turns a log on that is off; 0 or a negative code. */
int tg_access_log_open(tg_access_log *log, const tg_access_log_options *options);

/* Is it on? Where it is not, nobody needs to fill a record. */
bool tg_access_log_is_open(const tg_access_log *log);

/* The proxies that its options have named. */
const tg_trusted_proxies *tg_access_log_trusted(const tg_access_log *log);

/* Writes a record, which is free on return; nothing happens when the log is off. */
void tg_access_log_write(tg_access_log *log, const tg_access_record *record);

/* Goes on in a new file; see tg_log_file_reopen. */
void tg_access_log_reopen(tg_access_log *log);

/* All zero when the log is off. */
tg_log_file_statistics tg_access_log_count(const tg_access_log *log);

/* Are there lines that are not written yet? For a signal's handler, too. */
bool tg_access_log_is_waiting(const tg_access_log *log);

/* Turns the log off; see tg_log_file_close. */
bool tg_access_log_close(tg_access_log *log, unsigned wait_ms, uint64_t *dropped);

/* Frees a log that is off. */
void tg_access_log_free(tg_access_log *log);

#endif
