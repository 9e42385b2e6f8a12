/* Streams over the system's sockets: TCP and Unix. */
#ifndef TG_IO_SOCKET_H
#define TG_IO_SOCKET_H

#include "io/address.h"
#include "io/stream.h"

/* --- listening --- */

typedef struct tg_listener tg_listener;

typedef struct tg_listener_events {
  /* A new connection, which is the callee's from here on. */
  void (*on_accept)(void *owner, tg_stream *stream);
  /* A connection could not be accepted (a negative code, EMFILE for one); the listener goes on. */
  void (*on_accept_error)(void *owner, int code);
  /* A new connection whose descriptor is one of the last few that the process may have: tell it so and close it, so
     that files and upstreams can still be opened. on_accept gets it where this is NULL. */
  void (*on_scarce)(void *owner, tg_stream *stream);
} tg_listener_events;

/* Listens; 0 and *listener, or a negative code. A Unix socket's stale file is replaced. Callbacks come from the
   loop. Where the address's mode is for its owner alone, connections of other users but root are closed at once. */
int tg_listener_open(tg_loop *loop, const tg_address *address, const tg_listener_events *events, void *owner,
                     tg_listener **listener);

/* The address it listens on, with the port that the system chose when it was 0. */
void tg_listener_address(const tg_listener *listener, char *text, size_t size);

/* Accepts at once whatever has connected by now, from inside the call: a listener that closes resets those that it has not
   accepted. */
void tg_listener_take_waiting(tg_listener *listener);

/* Stops listening and gives the listener back. */
void tg_listener_close(tg_listener *listener);

/* --- connecting --- */

/* The user whose process is at the other end of a Unix socket; false for other streams. */
bool tg_socket_peer_user(const tg_stream *stream, uid_t *user);

typedef struct tg_connect tg_connect;

/* Called once, from the loop: code 0 and the stream, which is the callee's; or a negative code and NULL. */
typedef void (*tg_connect_callback)(void *owner, int code, tg_stream *stream);

/* Connects; 0 and *connect, or a negative code (then no callback). */
int tg_connect_start(tg_loop *loop, const tg_address *address, tg_connect_callback on_connect, void *owner,
                     tg_connect **connect);

/* Gives up a connect whose callback has not come; it will not. */
void tg_connect_cancel(tg_connect *connect);

#endif
