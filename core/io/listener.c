#include "io/socket_private.h"
#include "io/unix_socket.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BACKLOG = 1024, RESERVED_DESCRIPTORS = 16 };

struct tg_listener {
  union {
    uv_handle_t any;
    uv_stream_t stream;
    uv_tcp_t tcp;
    uv_pipe_t pipe;
  } handle;
  tg_loop *loop;
  int family;
  bool for_owner_only;        /* a Unix socket that nobody but its owner may connect to, and root */
  tg_unix_socket unix_socket; /* its descriptor is the handle's; -1 where it listens nowhere, or at no such socket */
  const tg_listener_events *events;
  void *owner;
};

/* The mode of its file keeps others out already; this does as well where the file is reached in another way. */
static bool is_welcome(const tg_listener *listener, const tg_socket *socket) {
  uv_os_fd_t fd;
  uid_t user;
  if (!listener->for_owner_only) return true;
  if (uv_fileno(&socket->handle.any, &fd) < 0 || !tg_unix_peer_user(fd, &user)) return false;
  return user == 0 || user == geteuid();
}

/* Accepts a connection; no *stream, and no error, where it was not welcome. */
static int accept_one(tg_listener *listener, tg_stream **stream) {
  int code;
  tg_socket *socket = tg_socket_new(listener->loop, listener->family, &code);
  if (socket == NULL) return code;
  code = uv_accept(&listener->handle.stream, &socket->handle.stream);
  if (code < 0 || !is_welcome(listener, socket)) {
    tg_stream_close(&socket->stream);
    return code;
  }
  if (listener->family != AF_UNIX) uv_tcp_nodelay(&socket->handle.tcp, 1);
  *stream = &socket->stream;
  return 0;
}

/* The system gives the lowest free number. */
static bool is_scarce(const tg_stream *stream) {
  const tg_socket *socket = TG_CONTAINER(stream, tg_socket, stream);
  struct rlimit limit;
  uv_os_fd_t fd;
  if (uv_fileno(&socket->handle.any, &fd) < 0 || getrlimit(RLIMIT_NOFILE, &limit) < 0) return false;
  return limit.rlim_cur != RLIM_INFINITY && (rlim_t)fd + RESERVED_DESCRIPTORS >= limit.rlim_cur;
}

static void hand_over(tg_listener *listener, tg_stream *stream) {
  const tg_listener_events *events = listener->events;
  if (events->on_scarce != NULL && is_scarce(stream)) events->on_scarce(listener->owner, stream);
  else events->on_accept(listener->owner, stream);
}

static void on_connection(uv_stream_t *handle, int status) {
  tg_listener *listener = handle->data;
  tg_stream *stream = NULL;
  if (status == 0) status = accept_one(listener, &stream);
  if (stream != NULL) hand_over(listener, stream);
  else if (status < 0) listener->events->on_accept_error(listener->owner, status);
}

/* The same for one that the system has accepted. */
static int adopt(tg_listener *listener, int fd, tg_stream **stream) {
  int code;
  tg_socket *socket = tg_socket_new(listener->loop, listener->family, &code);
  if (socket == NULL) {
    close(fd);
    return code;
  }
  bool is_unix = listener->family == AF_UNIX;
  code = is_unix ? uv_pipe_open(&socket->handle.pipe, fd) : uv_tcp_open(&socket->handle.tcp, fd);
  if (code < 0) {
    close(fd);
    tg_stream_close(&socket->stream);
    return code;
  }
  if (!is_welcome(listener, socket)) {
    tg_stream_close(&socket->stream);
    return 0;
  }
  if (!is_unix) uv_tcp_nodelay(&socket->handle.tcp, 1);
  *stream = &socket->stream;
  return 0;
}

void tg_listener_take_waiting(tg_listener *listener) {
  uv_os_fd_t own;
  if (uv_fileno(&listener->handle.any, &own) < 0) return;
  for (int count = 0; count < 2 * BACKLOG; count++) {
    int fd = accept4(own, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0 && (errno == EINTR || errno == ECONNABORTED)) continue;
    if (fd < 0) return;
    tg_stream *stream = NULL;
    int code = adopt(listener, fd, &stream);
    if (stream != NULL) hand_over(listener, stream);
    else if (code < 0) listener->events->on_accept_error(listener->owner, code);
  }
}

static void on_closed(uv_handle_t *handle) {
  free(handle->data);
}

static int bind_unix(tg_listener *listener, tg_loop *loop, const tg_address *address) {
  tg_unix_socket *bound = &listener->unix_socket;
  int code = uv_pipe_init(&loop->uv, &listener->handle.pipe, 0);
  if (code < 0) return code;
  code = tg_unix_listen(bound, address->path, address->mode, BACKLOG);
  if (code < 0) return code;
  code = uv_pipe_open(&listener->handle.pipe, bound->fd);
  if (code == 0) return 0;
  tg_unix_forget(bound);
  close(bound->fd);
  bound->fd = -1;
  return code;
}

static int bind_tcp(tg_listener *listener, tg_loop *loop, const tg_address *address) {
  int code = uv_tcp_init(&loop->uv, &listener->handle.tcp);
  if (code < 0) return code;
  return uv_tcp_bind(&listener->handle.tcp, (const struct sockaddr *)&address->storage, 0);
}

int tg_listener_open(tg_loop *loop, const tg_address *address, const tg_listener_events *events, void *owner,
                     tg_listener **result) {
  tg_listener *listener = calloc(1, sizeof *listener);
  if (listener == NULL) return UV_ENOMEM;
  listener->loop = loop;
  listener->family = address->storage.ss_family;
  listener->for_owner_only = listener->family == AF_UNIX && address->mode != 0 && (address->mode & 0077) == 0;
  listener->unix_socket.fd = -1;
  listener->events = events;
  listener->owner = owner;
  int code = listener->family == AF_UNIX ? bind_unix(listener, loop, address) : bind_tcp(listener, loop, address);
  listener->handle.any.data = listener;
  if (code == 0) code = uv_listen(&listener->handle.stream, BACKLOG, on_connection);
  tg_hangups_open(loop);
  if (code < 0) tg_listener_close(listener);
  else *result = listener;
  return code;
}

void tg_listener_address(const tg_listener *listener, char *text, size_t size) {
  struct sockaddr_storage storage = {0};
  int length = sizeof storage;
  if (listener->family == AF_UNIX) {
    snprintf(text, size, "unix:%s", listener->unix_socket.path);
    return;
  }
  uv_tcp_getsockname(&listener->handle.tcp, (struct sockaddr *)&storage, &length);
  tg_address_text((struct sockaddr *)&storage, text, size);
}

void tg_listener_close(tg_listener *listener) {
  if (listener->unix_socket.fd >= 0) tg_unix_forget(&listener->unix_socket);
  uv_close(&listener->handle.any, on_closed);
}
