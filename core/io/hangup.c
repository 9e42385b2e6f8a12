#include "io/hangup.h"
#include "io/loop_private.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

struct tg_hangups {
  uv_poll_t poll; /* readable where one of the set has hung up */
  int fd;         /* the set */
};

static void call(tg_loop *loop, tg_hangup *hangup, uint32_t events) {
  tg_hangup_unwatch(loop, hangup);
  hangup->on_hangup(hangup, (events & (EPOLLERR | EPOLLHUP)) != 0 ? TG_ERROR_RESET : TG_ERROR_EOF);
}

/* One at a time: a callback may end what another one watches. */
static void on_poll(uv_poll_t *poll, int status, int events) {
  struct tg_hangups *hangups = poll->data;
  struct epoll_event event;
  (void)status, (void)events;
  while (epoll_wait(hangups->fd, &event, 1, 0) > 0) call(poll->loop->data, event.data.ptr, event.events);
}

static int start(tg_loop *loop, struct tg_hangups *hangups) {
  hangups->fd = epoll_create1(EPOLL_CLOEXEC);
  if (hangups->fd < 0) return -errno;
  int code = uv_poll_init(&loop->uv, &hangups->poll, hangups->fd);
  if (code < 0) {
    close(hangups->fd);
    return code;
  }
  hangups->poll.data = hangups;
  uv_poll_start(&hangups->poll, UV_READABLE, on_poll);
  uv_unref((uv_handle_t *)&hangups->poll);
  return 0;
}

/* The loop's set, made when it is first needed. */
static int open_set(tg_loop *loop) {
  if (loop->hangups != NULL) return 0;
  struct tg_hangups *hangups = calloc(1, sizeof *hangups);
  if (hangups == NULL) return TG_ERROR_MEMORY;
  int code = start(loop, hangups);
  if (code < 0) free(hangups);
  else loop->hangups = hangups;
  return code;
}

void tg_hangups_open(tg_loop *loop) {
  open_set(loop); /* else it is tried again when it is needed */
}

static int watch(tg_loop *loop, tg_hangup *hangup, int fd, uint32_t events) {
  if (hangup->is_watched) return 0;
  int code = open_set(loop);
  if (code < 0) return code;
  struct epoll_event event = {.events = events, .data.ptr = hangup};
  if (epoll_ctl(loop->hangups->fd, EPOLL_CTL_ADD, fd, &event) < 0) return -errno;
  hangup->fd = fd;
  hangup->is_watched = true;
  return 0;
}

int tg_hangup_watch(tg_loop *loop, tg_hangup *hangup, int fd) {
  return watch(loop, hangup, fd, EPOLLRDHUP);
}

int tg_hangup_watch_reset(tg_loop *loop, tg_hangup *hangup, int fd) {
  return watch(loop, hangup, fd, 0); /* EPOLLERR and EPOLLHUP are always told */
}

void tg_hangup_unwatch(tg_loop *loop, tg_hangup *hangup) {
  if (!hangup->is_watched) return;
  hangup->is_watched = false;
  epoll_ctl(loop->hangups->fd, EPOLL_CTL_DEL, hangup->fd, NULL);
}

static void on_closed(uv_handle_t *handle) {
  free(handle->data);
}

void tg_hangups_close(tg_loop *loop) {
  if (loop->hangups == NULL) return;
  uv_close((uv_handle_t *)&loop->hangups->poll, on_closed);
  close(loop->hangups->fd);
  loop->hangups = NULL;
}
