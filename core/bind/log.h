/* The log: lines on standard error. */
#ifndef TG_BIND_LOG_H
#define TG_BIND_LOG_H

#include "base/text.h"

/* Writes one message with time and level. Control characters are escaped, but for the ends of lines, behind which it
   goes on indented: so a value that a client sent cannot pass for a line of its own. Never waits for who reads standard error: what is not
   taken is dropped, and the next message that is taken says how many were. */
void tg_log_write(const char *level, tg_text message);

#endif
