/* A server with a handler that answers as the input's choices say: at once, early, late, much, or never. */
#include "http/server.h"
#include "support/peer.h"

#include <stdlib.h>

enum { BIG_BYTES = 100000, QUIET_TURNS = 400, LATE_TURNS_MAX = 30, TURNS_MAX = 20000 };

typedef enum action {
  ANSWER_WHOLE,
  ANSWER_EARLY,
  ANSWER_LATE,
  ANSWER_MUCH,
  ANSWER_IN_PIECES,
  NEVER_ANSWER,
  ACTIONS
} action;

typedef struct world {
  tg_loop *loop;
  tg_server *server;
  fuzz_choices choices;
  fuzz_manner manner;
  tg_list visits; /* that are not over */
} world;

typedef struct visit {
  tg_list node;
  tg_job job;
  tg_exchange *exchange;
  world *world;
  action action;
  size_t turns; /* to wait */
  bool gone;
} visit;

/* --- the handler --- */

static void let_go(visit *is) {
  tg_job_cancel(&is->job);
  tg_list_remove(&is->node);
  tg_exchange_release(is->exchange);
  free(is);
}

/* The same answer in two pieces; where the client is gone, the handler has done with it all the same. */
static void write_pieces(tg_exchange *exchange, const tg_response *response) {
  tg_text rest = response->body;
  tg_exchange_start(exchange, response, (int64_t)rest.size);
  while (rest.size > 0) tg_exchange_write(exchange, fuzz_take(&rest, rest.size > 9 ? rest.size - 9 : 1));
  if (tg_exchange_end(exchange) < 0) tg_exchange_cut(exchange);
}

static void respond(visit *is) {
  static char much[BIG_BYTES];
  tg_buffer fields = {0};
  tg_exchange *exchange = is->exchange;
  tg_response response = {.status = 200, .type = TG_TEXT("text/plain")};
  tg_buffer_append_text(&fields, TG_TEXT("X-Path: "));
  tg_buffer_append_text(&fields, exchange->target.path);
  tg_buffer_append_text(&fields, TG_TEXT("\r\n"));
  response.fields = tg_buffer_text(&fields);
  response.body = tg_buffer_text(&exchange->body);
  if (is->action == ANSWER_MUCH) response.body = (tg_text){much, sizeof much};
  if (exchange->body_state == TG_BODY_FAILED) response.status = exchange->body_status;
  bool is_head = tg_text_equal(exchange->head.method, TG_TEXT("HEAD"));
  if (is->action == ANSWER_IN_PIECES && !is_head) write_pieces(exchange, &response);
  else tg_exchange_respond(exchange, &response);
  tg_buffer_free(&fields);
}

static bool is_ready(visit *is) {
  if (is->action == NEVER_ANSWER) return false;
  if (is->action == ANSWER_EARLY) return true;
  tg_exchange_use_body(is->exchange, TG_BODY_WHOLE_WANTED);
  return is->exchange->body_state != TG_BODY_COMING;
}

static void on_job(tg_job *job) {
  visit *is = TG_CONTAINER(job, visit, job);
  if (is->turns > 0) {
    is->turns--;
    tg_loop_post(is->world->loop, &is->job);
  } else if (is_ready(is)) {
    respond(is);
    let_go(is);
  }
}

static void on_body(tg_exchange *exchange) {
  visit *is = exchange->owner;
  FUZZ_CHECK(!is->gone && exchange->body_state != TG_BODY_COMING);
  tg_loop_post(is->world->loop, &is->job);
}

static void on_drain(tg_exchange *exchange) {
  FUZZ_CHECK(exchange->answer_state == TG_ANSWER_STARTED);
}

/* A handler may go on for a while, and answers into nothing. */
static void on_gone(tg_exchange *exchange) {
  visit *is = exchange->owner;
  FUZZ_CHECK(!is->gone);
  is->gone = true;
  is->action = ANSWER_EARLY;
  tg_loop_post(is->world->loop, &is->job);
}

static const tg_exchange_events exchange_events = {.on_body = on_body, .on_drain = on_drain, .on_gone = on_gone};

static void on_request(void *owner, tg_exchange *exchange) {
  world *of = owner;
  visit *is = calloc(1, sizeof *is);
  if (is == NULL) abort();
  is->world = of;
  is->exchange = exchange;
  is->action = of->manner == FUZZ_ANYHOW ? (action)fuzz_choose(&of->choices, ACTIONS) : ANSWER_WHOLE;
  if (is->action == ANSWER_LATE) is->turns = 1 + fuzz_choose(&of->choices, LATE_TURNS_MAX);
  exchange->owner = is;
  exchange->events = &exchange_events;
  tg_job_init(&is->job, on_job);
  tg_list_push_back(&of->visits, &is->node);
  tg_loop_post(of->loop, &is->job);
}

static void on_stopped(void *owner) {
  (void)owner;
}

static void on_accept_error(void *owner, int code) {
  (void)owner;
  (void)code;
  fuzz_fail(__FILE__, __LINE__, "nothing was accepted that could fail");
}

static void on_full(void *owner, const char *why) {
  (void)owner;
  fuzz_fail(__FILE__, __LINE__, why);
}

static const tg_server_events server_events = {on_request, on_stopped, on_accept_error, on_full};

/* --- a connection --- */

static void open_world(world *is, tg_text input, fuzz_manner manner) {
  tg_server_limits limits = tg_server_limits_default;
  *is = (world){.loop = tg_loop_new(), .manner = manner, .choices = fuzz_choices_of(input, 17)};
  tg_list_init(&is->visits);
  if (fuzz_once_in(&is->choices, 4)) limits.body_bytes_max = fuzz_choose(&is->choices, 64);
  if (fuzz_once_in(&is->choices, 4)) limits.pipelined_bytes_max = (uint32_t)fuzz_choose(&is->choices, 64);
  is->server = tg_server_new(is->loop, &limits, &server_events, is);
  if (is->server == NULL) abort();
  tg_loop_set_virtual(is->loop, manner == FUZZ_ANYHOW);
}

/* The server is freed with the connection open now and then; else the connection must have ended. */
static void close_world(world *is) {
  tg_server_free(is->server);
  while (!tg_list_is_empty(&is->visits)) let_go(TG_CONTAINER(is->visits.next, visit, node));
  for (int i = 0; i < 3; i++) tg_loop_turn(is->loop);
  tg_loop_free(is->loop);
}

/* Time that passes ends what nobody goes on with, but for a handler that never answers. */
static void run_to_the_end(world *is, fuzz_peer *peer) {
  if (peer->stream != NULL && is->manner == FUZZ_ANYHOW && fuzz_once_in(&is->choices, 4)) {
    tg_stream_close(peer->stream);
    peer->stream = NULL;
    peer->was_away = true;
  }
  for (int i = 0; i < TURNS_MAX && tg_server_connection_count(is->server) > 0; i++) {
    tg_loop_turn(is->loop);
    if (is->manner != FUZZ_ANYHOW && i == QUIET_TURNS) break;
    if (i == QUIET_TURNS && !tg_list_is_empty(&is->visits)) return;
  }
  if (is->manner == FUZZ_ANYHOW) FUZZ_CHECK(tg_server_connection_count(is->server) == 0);
}

static tg_buffer run(tg_text input, fuzz_manner manner) {
  world world;
  fuzz_peer peer;
  tg_stream *client, *server;
  open_world(&world, input, manner);
  if (tg_pair_open(world.loop, &client, &server) < 0) abort();
  fuzz_peer_start(&peer, world.loop, client, input, manner);
  tg_server_accept(world.server, server);
  while (fuzz_peer_step(&peer)) continue;
  run_to_the_end(&world, &peer);
  tg_buffer log = fuzz_peer_check(&peer);
  fuzz_peer_free(&peer);
  close_world(&world);
  return log;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
  tg_text input = {(const char *)bytes, size};
  if (size == 0) return 0;
  tg_buffer whole = run(input, FUZZ_AT_ONCE), in_bits = run(input, FUZZ_IN_BITS), anyhow = run(input, FUZZ_ANYHOW);
  FUZZ_CHECK_TEXT(tg_buffer_text(&in_bits), tg_buffer_text(&whole));
  tg_buffer_free(&whole);
  tg_buffer_free(&in_bits);
  tg_buffer_free(&anyhow);
  return 0;
}
