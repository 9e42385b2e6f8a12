#include "io/socket_private.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/sendfile.h>

/* One write under way. It is freed in its callback, which libuv calls even when the handle is closed. */
typedef struct tg_socket_write {
  uv_write_t request;
  tg_socket *socket;
  tg_buffer bytes;
} tg_socket_write;

typedef struct finish_request {
  uv_shutdown_t request;
} finish_request;

static tg_socket *socket_of(const tg_stream *stream) {
  return TG_CONTAINER(stream, tg_socket, stream);
}

static tg_loop *loop_of(const tg_stream *stream) {
  return socket_of(stream)->handle.any.loop->data;
}

static void on_allocate(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer) {
  (void)suggested;
  tg_loop *loop = handle->loop->data;
  *buffer = uv_buf_init(loop->read_bytes, sizeof loop->read_bytes);
}

/* Notes what a write has heard, and passes it on. */
static int note_reset(tg_socket *socket, int code) {
  if (code == UV_ECONNRESET) socket->was_reset = true;
  return code;
}

/* Behind what was read libuv makes an end of a reset, and so does the system once a write has heard of it: then half of
   something would seem to be all of it. */
static bool was_reset(const tg_socket *socket) {
  uv_os_fd_t fd;
  int error = 0;
  socklen_t size = sizeof error;
  if (socket->was_reset) return true;
  bool known = uv_fileno(&socket->handle.any, &fd) == 0 && getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0;
  return known && error == ECONNRESET; /* EPIPE: it came behind the end */
}

static void on_read(uv_stream_t *handle, ssize_t size, const uv_buf_t *buffer) {
  tg_socket *socket = handle->data;
  if (size == 0) return; /* EAGAIN */
  if (size < 0) uv_read_stop(handle);
  if (size == UV_EOF && was_reset(socket)) size = UV_ECONNRESET;
  socket->stream.events->on_read(&socket->stream, buffer->base, size);
}

static int read_start(tg_stream *stream) {
  tg_hangup_unwatch(loop_of(stream), &socket_of(stream)->hangup);
  int code = uv_read_start(&socket_of(stream)->handle.stream, on_allocate, on_read);
  return code == UV_EALREADY ? 0 : code;
}

static void read_stop(tg_stream *stream) {
  tg_hangup_unwatch(loop_of(stream), &socket_of(stream)->hangup);
  uv_read_stop(&socket_of(stream)->handle.stream);
}

static void on_hangup(tg_hangup *hangup, int code) {
  tg_socket *socket = TG_CONTAINER(hangup, tg_socket, hangup);
  socket->stream.events->on_read(&socket->stream, NULL, code);
}

static void read_hold(tg_stream *stream) {
  tg_socket *socket = socket_of(stream);
  uv_os_fd_t fd;
  uv_read_stop(&socket->handle.stream);
  socket->hangup.on_hangup = on_hangup;
  if (uv_fileno(&socket->handle.any, &fd) == 0) tg_hangup_watch(loop_of(stream), &socket->hangup, fd);
}

/* Nobody is told when a peer that has ended its side is gone as well. Probes find out, once its system has forgotten the
   connection. */
static void watch_reset(tg_stream *stream) {
  enum { PROBE_SECONDS = 30 };
  tg_socket *socket = socket_of(stream);
  uv_os_fd_t fd;
  socket->hangup.on_hangup = on_hangup;
  if (uv_fileno(&socket->handle.any, &fd) == 0) tg_hangup_watch_reset(loop_of(stream), &socket->hangup, fd);
  if (socket->handle.any.type == UV_TCP) uv_tcp_keepalive(&socket->handle.tcp, 1, PROBE_SECONDS);
}

static void on_finished(uv_shutdown_t *request, int status) {
  (void)status; /* a broken stream says so when it is read */
  free(TG_CONTAINER(request, finish_request, request));
}

static int finish_now(tg_socket *socket) {
  finish_request *finish = malloc(sizeof *finish);
  if (finish == NULL) return UV_ENOMEM;
  int code = uv_shutdown(&finish->request, &socket->handle.stream, on_finished);
  if (code < 0) free(finish);
  return code;
}

static int finish(tg_stream *stream) {
  tg_socket *socket = socket_of(stream);
  if (socket->finishing) return 0;
  socket->finishing = true;
  return socket->write == NULL ? finish_now(socket) : 0;
}

static int send_queue(tg_socket *socket);

static void free_write(tg_socket_write *write) {
  tg_buffer_free(&write->bytes);
  free(write);
}

static void on_written(uv_write_t *request, int status) {
  tg_socket_write *write = TG_CONTAINER(request, tg_socket_write, request);
  tg_socket *socket = write->socket;
  free_write(write);
  if (uv_is_closing(&socket->handle.any)) return;
  socket->write = NULL;
  note_reset(socket, status);
  if (status == 0 && tg_buffer_size(&socket->queue) > 0) status = send_queue(socket);
  if (socket->write != NULL) return;
  if (status == 0 && socket->finishing) status = finish_now(socket);
  if (socket->stream.events->on_drain != NULL) socket->stream.events->on_drain(&socket->stream, status);
}

/* Hands the whole queue to the system, which owns it until on_written. */
static int send_queue(tg_socket *socket) {
  tg_socket_write *write = malloc(sizeof *write);
  if (write == NULL) return UV_ENOMEM;
  *write = (tg_socket_write){.socket = socket, .bytes = socket->queue};
  socket->queue = (tg_buffer){0};
  tg_text text = tg_buffer_text(&write->bytes);
  uv_buf_t bytes = {.base = (char *)text.data, .len = text.size}; /* uv_buf_init would cut off what lies beyond 4 GiB */
  int code = uv_write(&write->request, &socket->handle.stream, &bytes, 1, on_written);
  if (code < 0) free_write(write);
  else socket->write = write;
  return code;
}

/* The parts that one call of the system is given. Its answer is an int, and stands for all of them: what would lie beyond
   is left out, and so is everything behind it. */
unsigned tg_socket_gather(const tg_text *parts, unsigned count, uv_buf_t *buffers, unsigned most) {
  size_t room = TG_SOCKET_CALL_BYTES_MAX;
  unsigned used = 0;
  for (unsigned i = 0; i < count && used < most && room > 0; i++) {
    size_t size = parts[i].size < room ? parts[i].size : room;
    if (size > 0) buffers[used++] = (uv_buf_t){.base = (char *)parts[i].data, .len = size};
    room -= size;
  }
  return used;
}

/* Sends what fits at once; the bytes sent, or a negative code. */
static int try_send(tg_socket *socket, const tg_text *parts, unsigned count) {
  uv_buf_t buffers[8];
  unsigned used = tg_socket_gather(parts, count, buffers, 8);
  if (used == 0) return 0;
  int sent = uv_try_write(&socket->handle.stream, buffers, used);
  return sent == UV_EAGAIN ? 0 : note_reset(socket, sent);
}

/* Copies the parts to the queue, without their first `skip` bytes. False without memory. */
static bool enqueue(tg_socket *socket, const tg_text *parts, unsigned count, size_t skip) {
  for (unsigned i = 0; i < count; i++) {
    size_t drop = skip < parts[i].size ? skip : parts[i].size;
    skip -= drop;
    if (!tg_buffer_append(&socket->queue, parts[i].data + drop, parts[i].size - drop)) return false;
  }
  return true;
}

static int write_parts(tg_stream *stream, const tg_text *parts, unsigned count) {
  tg_socket *socket = socket_of(stream);
  int sent = 0;
  if (socket->finishing) return UV_EPIPE;
  if (socket->write == NULL) sent = try_send(socket, parts, count);
  if (sent < 0) return sent;
  if (!enqueue(socket, parts, count, (size_t)sent)) return UV_ENOMEM;
  if (socket->write != NULL) return TG_STREAM_QUEUED;
  if (tg_buffer_size(&socket->queue) == 0) return TG_STREAM_SENT;
  int code = send_queue(socket);
  return code < 0 ? code : TG_STREAM_QUEUED;
}

static long send_file(tg_stream *stream, int fd, uint64_t offset, size_t size) {
  tg_socket *socket = socket_of(stream);
  uv_os_fd_t own;
  if (socket->finishing) return UV_EPIPE;
  if (socket->write != NULL) return 0; /* perhaps it is out, and the loop has not said so yet */
  int code = uv_fileno(&socket->handle.any, &own);
  if (code < 0) return code;
  off_t at = (off_t)offset;
  ssize_t sent;
  if (size > TG_SOCKET_CALL_BYTES_MAX) size = TG_SOCKET_CALL_BYTES_MAX;
  do sent = sendfile(own, fd, &at, size);
  while (sent < 0 && errno == EINTR);
  if (sent > 0) return sent;
  if (sent == 0) return TG_ERROR_EOF;
  if (errno == EAGAIN) return 0;
  bool unsupported = errno == EINVAL || errno == ENOSYS; /* a file that cannot be mapped */
  return unsupported ? TG_ERROR_UNSUPPORTED : note_reset(socket, -errno);
}

static size_t queued_bytes(const tg_stream *stream) {
  const tg_socket *socket = socket_of(stream);
  return tg_buffer_size(&socket->queue) + uv_stream_get_write_queue_size(&socket->handle.stream);
}

static bool is_ready(const tg_stream *stream, bool to_write) {
  struct pollfd look = {.events = to_write ? POLLOUT : POLLIN};
  return uv_fileno(&socket_of(stream)->handle.any, &look.fd) == 0 && poll(&look, 1, 0) > 0;
}

static void on_closed(uv_handle_t *handle) {
  tg_socket *socket = handle->data;
  tg_loop_outside_end(handle->loop->data);
  tg_buffer_free(&socket->queue);
  free(socket);
}

static void close_socket(tg_stream *stream) {
  tg_hangup_unwatch(loop_of(stream), &socket_of(stream)->hangup);
  uv_close(&socket_of(stream)->handle.any, on_closed);
}

/* libuv resets no socket whose own side is ending, which it is only once all is sent. */
static void reset_socket(tg_stream *stream) {
  tg_socket *socket = socket_of(stream);
  bool can = socket->handle.any.type == UV_TCP;
  tg_hangup_unwatch(loop_of(stream), &socket->hangup);
  if (!can || uv_tcp_close_reset(&socket->handle.tcp, on_closed) < 0) close_socket(stream);
}

static tg_peer peer(const tg_stream *stream) {
  const tg_socket *socket = socket_of(stream);
  struct sockaddr_storage storage = {.ss_family = AF_UNIX};
  int length = sizeof storage;
  if (socket->handle.any.type == UV_TCP &&
      uv_tcp_getpeername(&socket->handle.tcp, (struct sockaddr *)&storage, &length) < 0) {
    storage.ss_family = AF_UNSPEC;
  }
  return tg_peer_of((struct sockaddr *)&storage);
}

static const tg_stream_kind socket_kind = {
    .read_start = read_start,
    .read_stop = read_stop,
    .read_hold = read_hold,
    .watch_reset = watch_reset,
    .write = write_parts,
    .send_file = send_file,
    .queued_bytes = queued_bytes,
    .is_ready = is_ready,
    .finish = finish,
    .close = close_socket,
    .reset = reset_socket,
    .peer = peer,
};

tg_socket *tg_socket_new(tg_loop *loop, int family, int *code) {
  tg_socket *socket = calloc(1, sizeof *socket);
  *code = UV_ENOMEM;
  if (socket == NULL) return NULL;
  socket->stream.kind = &socket_kind;
  if (family == AF_UNIX) *code = uv_pipe_init(&loop->uv, &socket->handle.pipe, 0);
  else *code = uv_tcp_init(&loop->uv, &socket->handle.tcp);
  if (*code < 0) {
    free(socket);
    return NULL;
  }
  socket->handle.any.data = socket;
  tg_loop_outside_begin(loop);
  return socket;
}

bool tg_socket_peer_user(const tg_stream *stream, uid_t *user) {
  uv_os_fd_t fd;
  if (stream->kind != &socket_kind || uv_fileno(&socket_of(stream)->handle.any, &fd) < 0) return false;
  return socket_of(stream)->handle.any.type == UV_NAMED_PIPE && tg_unix_peer_user(fd, user);
}
