/* Connecting to a host by its name: looks the name up, then tries its addresses in turn. */
#ifndef TG_IO_DIAL_H
#define TG_IO_DIAL_H

#include "io/socket.h"

typedef struct tg_dial tg_dial;

/* Starts; 0 and *dial, or a negative code (then no callback). `host` is a name, an IPv4 address, an IPv6 address
   without brackets, or the path of a Unix socket, which begins with a slash; it is copied. The callback comes once, from the loop: the stream, or the code of the
   last address tried. */
int tg_dial_start(tg_loop *loop, const char *host, unsigned port, tg_connect_callback on_connect, void *owner,
                  tg_dial **dial);

/* Isolated, the loop refuses every host for which no listener in memory is there: a test must not reach beyond its
   process by mistake. */
void tg_dial_isolate(tg_loop *loop, bool is_isolated);

/* The first host that was refused since tg_dial_isolate was last called; NULL for none. Valid until the next call. */
const char *tg_dial_refused(const tg_loop *loop, unsigned *port);

/* Gives up a dial whose callback has not come; it will not. */
void tg_dial_cancel(tg_dial *dial);

#endif
