#include "io/socket_private.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/un.h>
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
  char path[108]; /* of a Unix socket, whose file goes when the listener closes */
  const tg_listener_events *events;
  void *owner;
};

static int accept_one(tg_listener *listener, tg_stream **stream) {
  int code;
  tg_socket *socket = tg_socket_new(listener->loop, listener->family, &code);
  if (socket == NULL) return code;
  code = uv_accept(&listener->handle.stream, &socket->handle.stream);
  if (code < 0) {
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
  if (status == 0) hand_over(listener, stream);
  else listener->events->on_accept_error(listener->owner, status);
}

static void on_closed(uv_handle_t *handle) {
  free(handle->data);
}

static bool is_refused(const tg_address *address) {
  struct sockaddr_un name = {.sun_family = AF_UNIX};
  memcpy(name.sun_path, address->path, sizeof address->path);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return false;
  bool refused = connect(fd, (struct sockaddr *)&name, sizeof name) < 0 && errno == ECONNREFUSED;
  close(fd);
  return refused;
}

/* A socket file that nobody listens on any more stands in the way of bind; any other file stays. */
static void remove_stale(const tg_address *address) {
  struct stat info;
  if (lstat(address->path, &info) == 0 && S_ISSOCK(info.st_mode) && is_refused(address)) unlink(address->path);
}

/* libuv would say "permission denied". */
static bool is_folder_missing(const char *path) {
  char folder[sizeof((tg_address *)NULL)->path];
  snprintf(folder, sizeof folder, "%s", path);
  char *slash = strrchr(folder, '/');
  if (slash == NULL || slash == folder) return false;
  *slash = '\0';
  return access(folder, F_OK) < 0 && errno == ENOENT;
}

static int bind_unix(tg_listener *listener, tg_loop *loop, const tg_address *address) {
  int code = uv_pipe_init(&loop->uv, &listener->handle.pipe, 0);
  if (code < 0) return code;
  if (is_folder_missing(address->path)) return UV_ENOENT;
  remove_stale(address);
  memcpy(listener->path, address->path, sizeof listener->path);
  if (address->mode == 0) return uv_pipe_bind(&listener->handle.pipe, address->path);
  mode_t before = umask((mode_t)(~address->mode & 0777)); /* from its first moment on, not with a chmod behind it */
  code = uv_pipe_bind(&listener->handle.pipe, address->path);
  umask(before);
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
  listener->events = events;
  listener->owner = owner;
  int code = listener->family == AF_UNIX ? bind_unix(listener, loop, address) : bind_tcp(listener, loop, address);
  listener->handle.any.data = listener;
  if (code == 0) code = uv_listen(&listener->handle.stream, BACKLOG, on_connection);
  if (code < 0) tg_listener_close(listener);
  else *result = listener;
  return code;
}

void tg_listener_address(const tg_listener *listener, char *text, size_t size) {
  struct sockaddr_storage storage = {0};
  int length = sizeof storage;
  if (listener->family == AF_UNIX) {
    snprintf(text, size, "unix:%s", listener->path);
    return;
  }
  uv_tcp_getsockname(&listener->handle.tcp, (struct sockaddr *)&storage, &length);
  tg_address_text((struct sockaddr *)&storage, text, size);
}

void tg_listener_close(tg_listener *listener) {
  uv_close(&listener->handle.any, on_closed);
}
