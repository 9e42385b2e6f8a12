#include "support/echo.h"
#include "check.h"

#include <stdlib.h>

typedef struct visit {
  tg_list node; /* in `held` */
  tg_job job;
  tg_exchange *exchange;
  echo *echo;
  bool gone;
} visit;

typedef struct kept {
  echo *echo;
  tg_buffer body;
} kept;

/* --- the answer --- */

static void add(tg_buffer *body, const char *mark, tg_text text) {
  if (text.data == NULL) return;
  tg_buffer_append_text(body, tg_text_of(mark));
  tg_buffer_append_text(body, text);
}

static void write_echo(tg_buffer *body, const tg_exchange *exchange) {
  tg_buffer_append_text(body, exchange->head.method);
  add(body, " ", exchange->target.path);
  add(body, " ?", exchange->target.query);
  add(body, " @", exchange->authority);
  if (tg_buffer_size(&exchange->body) == 0) return;
  add(body, " [", tg_buffer_text(&exchange->body));
  tg_buffer_append(body, "]", 1);
}

static bool is_path(const tg_exchange *exchange, const char *path) {
  tg_text is = exchange->target.path;
  return is.size >= strlen(path) && memcmp(is.data, path, strlen(path)) == 0;
}

/* The number behind the second slash. */
static size_t number_of(const tg_exchange *exchange) {
  tg_text path = exchange->target.path;
  const char *slash = memrchr(path.data, '/', path.size);
  long long number = tg_text_to_number((tg_text){slash + 1, (size_t)(path.data + path.size - slash - 1)});
  return number > 0 ? (size_t)number : 0;
}

static unsigned status_of(const tg_exchange *exchange) {
  return is_path(exchange, "/status/") ? (unsigned)number_of(exchange) : 200;
}

static void write_big(tg_buffer *body, size_t size) {
  char *room = tg_buffer_reserve(body, size);
  for (size_t i = 0; i < size; i++) room[i] = (char)('a' + i % 26);
  body->end += size;
}

static void release(void *owner, int key) {
  kept *is = owner;
  CHECK_NUMBER(key, 7);
  is->echo->holds--;
  tg_buffer_free(&is->body); /* what is sent of it later is found out */
  free(is);
}

/* Moves the body to where it is kept. */
static tg_hold keep(echo *is, tg_buffer *body) {
  kept *own = calloc(1, sizeof *own);
  *own = (kept){.echo = is, .body = *body};
  *body = (tg_buffer){0};
  is->holds++;
  return (tg_hold){.release = release, .owner = own, .key = 7};
}

static void respond(visit *is) {
  tg_exchange *exchange = is->exchange;
  tg_buffer body = {0};
  tg_response response = {.status = status_of(exchange), .type = TG_TEXT("text/plain")};
  bool holds = is_path(exchange, "/held/");
  if (holds || is_path(exchange, "/big/")) write_big(&body, number_of(exchange));
  else write_echo(&body, exchange);
  response.body = tg_buffer_text(&body);
  if (exchange->body_state == TG_BODY_FAILED) {
    response.status = exchange->body_status;
    response.body = tg_text_of(exchange->body_error);
  }
  if (holds) response.hold = keep(is->echo, &body);
  tg_exchange_respond(exchange, &response);
  if (!is->gone) is->echo->answered++;
  tg_buffer_free(&body);
}

/* --- the visit --- */

static void let_go(visit *is) {
  tg_job_cancel(&is->job);
  tg_list_remove(&is->node);
  tg_exchange_release(is->exchange);
  free(is);
}

static void on_job(tg_job *job) {
  visit *is = TG_CONTAINER(job, visit, job);
  if (is_path(is->exchange, "/silent")) return;
  bool early = is_path(is->exchange, "/early");
  if (!early) tg_exchange_use_body(is->exchange, TG_BODY_WHOLE_WANTED);
  if (!early && is->exchange->body_state == TG_BODY_COMING) return;
  respond(is);
  let_go(is);
}

static void on_body(tg_exchange *exchange) {
  visit *is = exchange->owner;
  CHECK(!is->gone);
  CHECK(exchange->body_state != TG_BODY_COMING);
  tg_loop_post(is->echo->loop, &is->job);
}

static void on_gone(tg_exchange *exchange) {
  visit *is = exchange->owner;
  CHECK(!is->gone); /* once */
  is->gone = true;
  is->echo->gone++;
  tg_job_cancel(&is->job);
}

static const tg_exchange_events exchange_events = {.on_body = on_body, .on_gone = on_gone};

static void on_request(void *owner, tg_exchange *exchange) {
  echo *is = owner;
  visit *new_visit = calloc(1, sizeof *new_visit);
  is->requests++;
  new_visit->echo = is;
  new_visit->exchange = exchange;
  exchange->owner = new_visit;
  exchange->events = &exchange_events;
  tg_job_init(&new_visit->job, on_job);
  tg_list_push_back(&is->held, &new_visit->node);
  tg_loop_post(is->loop, &new_visit->job);
}

/* --- the server --- */

static void on_stopped(void *owner) {
  ((echo *)owner)->stopped++;
}

static void on_accept_error(void *owner, int code) {
  (void)owner;
  CHECK_NUMBER(code, 0);
}

static void on_full(void *owner, const char *why) {
  CHECK(why != NULL);
  ((echo *)owner)->full++;
}

static const tg_server_events server_events = {
    .on_request = on_request,
    .on_stopped = on_stopped,
    .on_accept_error = on_accept_error,
    .on_full = on_full,
};

void echo_start(echo *is, tg_loop *loop, const tg_server_limits *limits) {
  *is = (echo){.loop = loop};
  tg_list_init(&is->held);
  is->server = tg_server_new(loop, limits != NULL ? limits : &tg_server_limits_default, &server_events, is);
  if (!CHECK(is->server != NULL)) abort();
}

void echo_answer_held(echo *is) {
  while (!tg_list_is_empty(&is->held)) {
    visit *first = TG_CONTAINER(is->held.next, visit, node);
    respond(first);
    let_go(first);
  }
}

void echo_free(echo *is) {
  if (is->server != NULL) tg_server_free(is->server);
  is->server = NULL;
  CHECK_NUMBER(is->holds, 0);
  while (!tg_list_is_empty(&is->held)) let_go(TG_CONTAINER(is->held.next, visit, node));
}
