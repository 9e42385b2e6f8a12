#include "support/upstream.h"
#include "check.h"
#include "support/turns.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct peer {
  tg_list node;
  upstream *upstream;
  tg_stream *stream;
  tg_buffer received;
  tg_job job; /* sends the next byte of a reply that dribbles */
  const upstream_line *line;
  size_t sent;
} peer;

static void end_peer(peer *is, bool reset) {
  tg_job_cancel(&is->job);
  if (reset) tg_stream_reset(is->stream);
  else tg_stream_close(is->stream);
  tg_list_remove(&is->node);
  is->upstream->open--;
  tg_buffer_free(&is->received);
  free(is);
}

static void free_peer(peer *is) {
  end_peer(is, false);
}

/* --- replying --- */

static void send_text(peer *is, tg_text text) {
  tg_stream_write(is->stream, &text, 1);
}

static void on_job(tg_job *job) {
  peer *is = TG_CONTAINER(job, peer, job);
  if (is->sent < strlen(is->line->reply)) {
    send_text(is, (tg_text){is->line->reply + is->sent++, 1});
    tg_loop_post(is->upstream->loop, job);
  } else if (is->line->close || is->line->reset) {
    end_peer(is, is->line->reset);
  } else {
    tg_stream_read_start(is->stream);
  }
}

static void reply(peer *is, const upstream_line *line) {
  if (line->dribble) {
    is->line = line;
    is->sent = 0;
    tg_stream_read_stop(is->stream);
    tg_loop_post(is->upstream->loop, &is->job);
    return;
  }
  if (line->reply != NULL) send_text(is, tg_text_of(line->reply));
  if (line->finish) tg_stream_finish(is->stream);
  if (line->close || line->reset) end_peer(is, line->reset);
}

static void note_path(upstream *is, tg_text request) {
  const char *start = memchr(request.data, ' ', request.size);
  const char *end = start != NULL ? memchr(start + 1, ' ', (size_t)(request.data + request.size - start - 1)) : NULL;
  size_t used = strlen(is->paths);
  if (end != NULL) snprintf(is->paths + used, sizeof is->paths - used, "%.*s", (int)(end - start - 1), start + 1);
}

static void on_request(peer *is) {
  upstream *of = is->upstream;
  unsigned number = (unsigned)of->requests++;
  note_path(of, tg_buffer_text(&is->received));
  tg_buffer_clear(&is->received);
  reply(is, &of->script[number < of->line_count ? number : of->line_count - 1]);
}

static void on_read(tg_stream *stream, const char *bytes, long size) {
  peer *is = stream->owner;
  if (size < 0) {
    free_peer(is);
    return;
  }
  tg_buffer_append(&is->received, bytes, (size_t)size);
  tg_text text = tg_buffer_text(&is->received);
  if (memmem(text.data, text.size, "\r\n\r\n", 4) != NULL) on_request(is);
}

static const tg_stream_events stream_events = {.on_read = on_read};

/* --- listening --- */

static void on_accept(void *owner, tg_stream *stream) {
  upstream *of = owner;
  peer *is = calloc(1, sizeof *is);
  is->upstream = of;
  is->stream = stream;
  tg_job_init(&is->job, on_job);
  tg_list_push_back(&of->peers, &is->node);
  of->accepted++;
  if (++of->open > of->open_max) of->open_max = of->open;
  tg_stream_attach(stream, &stream_events, is);
  tg_stream_read_start(stream);
}

static void on_accept_error(void *owner, int code) {
  (void)owner;
  CHECK_NUMBER(code, 0);
}

static const tg_listener_events listener_events = {.on_accept = on_accept, .on_accept_error = on_accept_error};

void upstream_start(upstream *is, tg_loop *loop, const upstream_line *script, unsigned line_count) {
  tg_address address;
  char text[TG_ADDRESS_TEXT_BYTES] = "";
  signal(SIGPIPE, SIG_IGN); /* as tg_signals_open does */
  *is = (upstream){.loop = loop, .script = script, .line_count = line_count};
  tg_list_init(&is->peers);
  tg_address_parse(&address, TG_TEXT("127.0.0.1:0"));
  if (!CHECK_NUMBER(tg_listener_open(loop, &address, &listener_events, is, &is->listener), 0)) abort();
  tg_listener_address(is->listener, text, sizeof text);
  is->port = (unsigned)atoi(strrchr(text, ':') + 1);
}

void upstream_send(upstream *is, const char *bytes) {
  for (tg_list *node = is->peers.next; node != &is->peers; node = node->next) {
    send_text(TG_CONTAINER(node, peer, node), tg_text_of(bytes));
  }
}

void upstream_close_all(upstream *is) {
  while (!tg_list_is_empty(&is->peers)) free_peer(TG_CONTAINER(is->peers.next, peer, node));
}

void upstream_reset_all(upstream *is) {
  while (!tg_list_is_empty(&is->peers)) end_peer(TG_CONTAINER(is->peers.next, peer, node), true);
}

void upstream_stop(upstream *is) {
  upstream_close_all(is);
  tg_listener_close(is->listener);
}

/* --- calling --- */

static void on_done(tg_call *call) {
  asked *is = call->owner;
  CHECK(is->call == call);
  is->done++;
}

void ask_send(asked *is, tg_client *client, const tg_call_request *request) {
  *is = (asked){0};
  is->call = tg_call_start(client, request, on_done, is);
  CHECK(is->call != NULL);
  CHECK_NUMBER(is->done, 0); /* from the loop only */
}

void ask_start(asked *is, tg_client *client, const upstream *of, const char *path) {
  char head[256];
  int size = snprintf(head, sizeof head, "GET %s HTTP/1.1\r\nHost: h\r\n\r\n", path);
  tg_call_request request = {
      .host = TG_TEXT("127.0.0.1"),
      .port = of->port,
      .head = {head, (size_t)size},
      .idempotent = true,
      .timeout_ms = 5000,
  };
  ask_send(is, client, &request);
  memset(head, 'x', sizeof head); /* they are free on return */
}

tg_call_error ask_wait(asked *is, tg_loop *loop) {
  if (!CHECK(turn_until(loop, &is->done))) abort();
  CHECK_NUMBER(is->done, 1);
  return is->call->error;
}

void ask_free(asked *is) {
  if (is->call != NULL) tg_call_free(is->call);
  is->call = NULL;
}
