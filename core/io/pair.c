#include "io/pair.h"
#include "base/buffer.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

typedef struct pair_end {
  tg_stream stream;
  tg_loop *loop;
  struct pair_end *peer; /* NULL once it is closed */
  tg_buffer inbox;       /* what the peer has sent and this end has not read */
  size_t capacity;       /* bytes of the inbox that count as sent */
  bool reading;
  bool holding;     /* does not read, and hears the end before what comes in front of it */
  bool watching;    /* has heard the end, and waits for the peer to go */
  bool in_callback; /* then its close frees it afterwards */
  bool closed;
  bool peer_finished; /* nothing follows the inbox */
  bool peer_reset;    /* … and it ends in a failure */
  bool draining;      /* a write answered QUEUED and on_drain is owed */
  tg_job job;         /* delivers the inbox, the end and on_drain */
  tg_peer seen;       /* what stands for the other end */
} pair_end;

static pair_end *end_of(const tg_stream *stream) {
  return TG_CONTAINER(stream, pair_end, stream);
}

static void post(pair_end *end) {
  if (end != NULL) tg_loop_post(end->loop, &end->job);
}

static void free_end(pair_end *end) {
  tg_buffer_free(&end->inbox);
  free(end);
}

static size_t queued_bytes(const tg_stream *stream) {
  const pair_end *peer = end_of(stream)->peer;
  if (peer == NULL) return 0;
  size_t size = tg_buffer_size(&peer->inbox);
  return size > peer->capacity ? size - peer->capacity : 0;
}

static void deliver_bytes(pair_end *end) {
  tg_buffer bytes = end->inbox;
  end->inbox = (tg_buffer){0};
  tg_text text = tg_buffer_text(&bytes);
  end->stream.events->on_read(&end->stream, text.data, (long)text.size);
  tg_buffer_free(&bytes);
  post(end->peer);
}

static void deliver_end(pair_end *end) {
  bool at_end = end->holding || (end->reading && tg_buffer_size(&end->inbox) == 0);
  bool is_gone = end->watching && end->peer == NULL;
  if (end->closed || !end->peer_finished || !(at_end || is_gone)) return;
  end->reading = end->holding = end->watching = false;
  end->stream.events->on_read(&end->stream, NULL, is_gone || end->peer_reset ? TG_ERROR_RESET : TG_ERROR_EOF);
}

static void deliver(pair_end *end) {
  if (end->draining && queued_bytes(&end->stream) == 0) {
    int code = end->peer != NULL ? 0 : TG_ERROR_RESET; /* what waited is lost */
    end->draining = false;
    if (end->stream.events->on_drain != NULL) end->stream.events->on_drain(&end->stream, code);
  }
  if (!end->closed && end->reading && tg_buffer_size(&end->inbox) > 0) deliver_bytes(end);
  deliver_end(end);
}

static void on_job(tg_job *job) {
  pair_end *end = TG_CONTAINER(job, pair_end, job);
  end->in_callback = true;
  deliver(end);
  end->in_callback = false;
  if (end->closed) free_end(end);
}

static int read_start(tg_stream *stream) {
  pair_end *end = end_of(stream);
  end->reading = true;
  end->holding = false;
  post(end);
  return 0;
}

static void read_stop(tg_stream *stream) {
  end_of(stream)->reading = end_of(stream)->holding = false;
}

static void read_hold(tg_stream *stream) {
  pair_end *end = end_of(stream);
  end->reading = false;
  end->holding = true;
  post(end);
}

static void watch_reset(tg_stream *stream) {
  end_of(stream)->watching = true;
  post(end_of(stream));
}

static int write_parts(tg_stream *stream, const tg_text *parts, unsigned count) {
  pair_end *end = end_of(stream);
  if (end->peer == NULL || end->peer->peer_finished) return TG_ERROR_RESET;
  for (unsigned i = 0; i < count; i++) {
    if (!tg_buffer_append_text(&end->peer->inbox, parts[i])) return TG_ERROR_MEMORY;
  }
  post(end->peer);
  if (queued_bytes(stream) == 0) return TG_STREAM_SENT;
  end->draining = true;
  return TG_STREAM_QUEUED;
}

static long send_file(tg_stream *stream, int fd, uint64_t offset, size_t size) {
  (void)stream, (void)fd, (void)offset, (void)size;
  return TG_ERROR_UNSUPPORTED;
}

static bool is_ready(const tg_stream *stream, bool to_write) {
  const pair_end *end = end_of(stream);
  if (to_write) return end->draining && queued_bytes(stream) == 0;
  return tg_buffer_size(&end->inbox) > 0 || end->peer_finished;
}

static int finish(tg_stream *stream) {
  pair_end *end = end_of(stream);
  if (end->peer == NULL) return 0;
  end->peer->peer_finished = true;
  post(end->peer);
  return 0;
}

static void close_end(tg_stream *stream) {
  pair_end *end = end_of(stream);
  if (end->peer != NULL) {
    end->peer->inbox.end -= queued_bytes(stream); /* what waited is dropped */
    end->peer->peer_finished = true;
    end->peer->peer = NULL;
    post(end->peer);
  }
  end->peer = NULL;
  end->closed = true;
  tg_job_cancel(&end->job);
  if (!end->in_callback) free_end(end);
}

static void reset_end(tg_stream *stream) {
  pair_end *end = end_of(stream);
  if (end->peer != NULL) end->peer->peer_reset = true;
  close_end(stream);
}

static tg_peer peer(const tg_stream *stream) {
  return end_of(stream)->seen;
}

static const tg_stream_kind pair_kind = {
    .read_start = read_start,
    .read_stop = read_stop,
    .read_hold = read_hold,
    .watch_reset = watch_reset,
    .write = write_parts,
    .send_file = send_file,
    .queued_bytes = queued_bytes,
    .is_ready = is_ready,
    .finish = finish,
    .close = close_end,
    .reset = reset_end,
    .peer = peer,
};

static pair_end *end_new(tg_loop *loop) {
  pair_end *end = calloc(1, sizeof *end);
  if (end == NULL) return NULL;
  end->stream.kind = &pair_kind;
  end->loop = loop;
  end->capacity = SIZE_MAX;
  end->seen.kind = TG_PEER_MEMORY;
  tg_job_init(&end->job, on_job);
  return end;
}

int tg_pair_open(tg_loop *loop, tg_stream **a, tg_stream **b) {
  pair_end *first = end_new(loop);
  pair_end *second = end_new(loop);
  if (first == NULL || second == NULL) {
    free(first);
    free(second);
    return TG_ERROR_MEMORY;
  }
  first->peer = second;
  second->peer = first;
  *a = &first->stream;
  *b = &second->stream;
  return 0;
}

void tg_pair_set_capacity(tg_stream *stream, size_t bytes) {
  end_of(stream)->capacity = bytes;
}

void tg_pair_set_peer(tg_stream *stream, const tg_peer *peer) {
  end_of(stream)->seen = *peer;
}
