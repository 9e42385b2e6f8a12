/* The log: lines on standard error. */
#ifndef TG_BIND_LOG_H
#define TG_BIND_LOG_H

#include "base/text.h"

/* Writes one message with time and level, as proto/printable.h has it: a value that a client sent can neither pass for a
   line of its own nor control a terminal, and a message of more than 8 KiB is shortened. Never waits for whoever reads
   standard error: what is not taken is dropped, and the next message that is taken says how many were. */
void tg_log_write(const char *level, tg_text message);

/* The same with fields behind the message: as text, " order=7", of which 16 KiB at most are written; in JSON, where they
   are written as they are, ",\"order\":7". */
void tg_log_write_fields(const char *level, tg_text message, tg_text fields);

/* A message from a signal's handler, whatever it has interrupted: one line of at most 1 KiB, printable ASCII. `request`
   is the id of the request that it is about, which JSON has as a field; empty for none. */
void tg_log_write_in_handler(const char *level, tg_text message, tg_text request);

/* Has each message of tg_log_write handed over, too, as it is; NULL for nobody. It must not write to the log. */
void tg_log_keep(void (*keep)(const char *level, tg_text message));

/* Lines are JSON objects from here on, or text. */
void tg_log_set_json(bool is_json);

#endif
