#include "io/socket_private.h"

#include <stdlib.h>

/* Freed in on_connected, which libuv calls also when the socket is closed under it. */
struct tg_connect {
  uv_connect_t request;
  tg_socket *socket;
  tg_connect_callback callback; /* NULL once it was cancelled */
  void *owner;
};

static void on_connected(uv_connect_t *request, int status) {
  tg_connect *connect = TG_CONTAINER(request, tg_connect, request);
  tg_connect_callback callback = connect->callback;
  void *owner = connect->owner;
  tg_socket *socket = connect->socket;
  free(connect);
  if (callback == NULL) return;
  if (status < 0) tg_stream_close(&socket->stream);
  callback(owner, status, status == 0 ? &socket->stream : NULL);
}

static int start(tg_connect *connect, const tg_address *address) {
  tg_socket *socket = connect->socket;
  if (address->storage.ss_family == AF_UNIX) {
    uv_pipe_connect(&connect->request, &socket->handle.pipe, address->path, on_connected);
    return 0;
  }
  uv_tcp_nodelay(&socket->handle.tcp, 1);
  return uv_tcp_connect(&connect->request, &socket->handle.tcp, (const struct sockaddr *)&address->storage,
                        on_connected);
}

int tg_connect_start(tg_loop *loop, const tg_address *address, tg_connect_callback on_connect, void *owner,
                     tg_connect **result) {
  int code = UV_ENOMEM;
  tg_connect *connect = calloc(1, sizeof *connect);
  if (connect == NULL) return code;
  connect->callback = on_connect;
  connect->owner = owner;
  connect->socket = tg_socket_new(loop, address->storage.ss_family, &code);
  if (connect->socket != NULL) code = start(connect, address);
  if (code < 0) {
    if (connect->socket != NULL) tg_stream_close(&connect->socket->stream);
    free(connect);
    return code;
  }
  *result = connect;
  return 0;
}

void tg_connect_cancel(tg_connect *connect) {
  connect->callback = NULL;
  tg_stream_close(&connect->socket->stream);
}
