#include "http/file_body.h"

#include <stdlib.h>
#include <unistd.h>

/* Bytes that are asked of the system at once, that are copied where it takes none, and that a turn may send. */
enum { WINDOW_BYTES = 256 * 1024, COPIED_BYTES = 16 * 1024, TURN_BYTES_MAX = 1024 * 1024 };

struct tg_file_body {
  tg_loop *loop;
  tg_exchange *exchange; /* held */
  int fd;
  uint64_t offset, end;
  uint64_t fetched_end; /* up to here it was fetched, and is not asked for again */
  tg_job job;           /* the next step */
  tg_file_fetch fetch;
  bool is_fetching;
  void (*on_end)(void *owner, int code); /* NULL when it was cancelled */
  void *owner;
};

static void free_body(tg_file_body *body) {
  tg_job_cancel(&body->job);
  tg_exchange_release(body->exchange);
  close(body->fd);
  free(body);
}

static void end(tg_file_body *body, int code) {
  void (*on_end)(void *owner, int code) = body->on_end;
  void *owner = body->owner;
  free_body(body);
  if (on_end != NULL) on_end(owner, code);
}

/* --- steps: what they answer is how many bytes went out, 0 to wait for what comes, or why it is over --- */

static void on_fetched(tg_work *work) {
  tg_file_body *body = TG_CONTAINER(work, tg_file_body, fetch.work);
  body->is_fetching = false;
  if (body->on_end == NULL) free_body(body);
  else tg_loop_post(body->loop, &body->job);
}

/* True when the bytes are on their way from the disk. */
static bool fetch(tg_file_body *body, size_t size) {
  if (body->offset < body->fetched_end || tg_file_is_at_hand(body->fd, body->offset, size)) return false;
  body->fetch = (tg_file_fetch){.fd = body->fd, .offset = body->offset, .size = size};
  body->fetch.work.on_done = on_fetched;
  body->fetched_end = body->offset + size;
  body->is_fetching = tg_file_fetch_start(body->loop, &body->fetch) == 0;
  return body->is_fetching;
}

/* What the system does not take now is copied and waits for the client; on_drain says when it has gone. */
static long copy(tg_file_body *body, size_t size) {
  char bytes[COPIED_BYTES];
  if (size > sizeof bytes) size = sizeof bytes;
  long count = tg_file_read(body->fd, body->offset, bytes, size);
  if (count <= 0) return count < 0 ? TG_ERROR_UNREADABLE : TG_ERROR_EOF;
  int code = tg_exchange_write(body->exchange, (tg_text){bytes, (size_t)count});
  return code < 0 ? code : count;
}

static long send(tg_file_body *body, size_t size) {
  long sent = tg_exchange_send_file(body->exchange, body->fd, body->offset, size);
  return sent == 0 || sent == TG_ERROR_UNSUPPORTED ? copy(body, size) : sent;
}

static long step(tg_file_body *body) {
  uint64_t rest = body->end - body->offset;
  size_t size = rest < WINDOW_BYTES ? (size_t)rest : WINDOW_BYTES;
  if (tg_exchange_unsent_bytes(body->exchange) > 0 || fetch(body, size)) return 0;
  return send(body, size);
}

static void on_job(tg_job *job) {
  tg_file_body *body = TG_CONTAINER(job, tg_file_body, job);
  size_t turn_bytes = 0;
  long sent = 1;
  while (body->offset < body->end && sent > 0 && turn_bytes < TURN_BYTES_MAX) {
    sent = body->exchange->connection != NULL ? step(body) : TG_ERROR_RESET;
    if (sent <= 0) continue;
    body->offset += (uint64_t)sent;
    turn_bytes += (size_t)sent;
  }
  if (sent < 0) end(body, (int)sent);
  else if (body->offset == body->end) end(body, 0);
  else if (sent > 0) tg_loop_post(body->loop, job); /* others first */
}

/* --- from outside --- */

tg_file_body *tg_file_body_start(tg_loop *loop, tg_exchange *exchange, int fd, uint64_t offset, uint64_t length,
                                 void (*on_end)(void *owner, int code), void *owner) {
  tg_file_body *body = calloc(1, sizeof *body);
  if (body == NULL) {
    close(fd);
    return NULL;
  }
  body->loop = loop;
  body->exchange = exchange;
  exchange->holders++;
  body->fd = fd;
  body->offset = offset;
  body->end = offset + length;
  body->on_end = on_end;
  body->owner = owner;
  tg_job_init(&body->job, on_job);
  tg_loop_post(loop, &body->job);
  return body;
}

void tg_file_body_on_drain(tg_file_body *body) {
  if (!body->is_fetching) tg_loop_post(body->loop, &body->job);
}

void tg_file_body_cancel(tg_file_body *body) {
  body->on_end = NULL;
  tg_job_cancel(&body->job);
  if (body->is_fetching && !tg_file_fetch_cancel(body->loop, &body->fetch)) return; /* on_fetched frees it */
  free_body(body);
}
