/* The access log of a runtime, which its scripts turn on. */
#ifndef TG_BIND_ACCESS_LOG_H
#define TG_BIND_ACCESS_LOG_H

#include "bind/runtime.h"

/* Turns the log off and frees it, when no server writes to it any more. False where its thread hangs in a write: the
   process should end without being torn down around it. */
bool tg_script_access_log_close(tg_runtime *runtime);

#endif
