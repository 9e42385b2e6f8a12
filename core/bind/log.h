/* The log: lines on standard error. */
#ifndef TG_BIND_LOG_H
#define TG_BIND_LOG_H

#include "base/text.h"

/* Writes one message with time and level, as proto/printable.h has it: a value that a client sent can neither pass for a
   line of its own nor control a terminal, and a message of more than 8 KiB is shortened. Never waits for whoever reads
   standard error: what is not taken is dropped, and the next message that is taken says how many were. */
void tg_log_write(const char *level, tg_text message);

/* The same from a signal's handler, whatever it has interrupted: one line of at most 1 KiB, printable ASCII. */
void tg_log_write_in_handler(const char *level, tg_text message);

#endif
