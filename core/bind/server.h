/* The servers of a runtime. */
#ifndef TG_BIND_SERVER_H
#define TG_BIND_SERVER_H

#include "bind/runtime.h"

typedef struct tg_script_server tg_script_server;

/* Ends every server of a runtime with all its connections, at once. */
void tg_script_servers_close(tg_runtime *runtime);

#endif
