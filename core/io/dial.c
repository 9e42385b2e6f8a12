#include "io/dial.h"
#include "io/local.h"
#include "io/loop_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

struct tg_dial {
  uv_getaddrinfo_t lookup;
  tg_loop *loop;
  struct addrinfo *addresses; /* all that were found */
  struct addrinfo *next;      /* the one to try next */
  tg_connect *connect;        /* the one being tried */
  char *host;                 /* of a listener in memory, until the job has run */
  unsigned port;
  tg_job job;
  int code;                     /* why the last one failed */
  bool is_localhost;            /* what is looked up is this machine */
  bool looking_up;              /* the look-up's thread still holds this structure */
  tg_connect_callback callback; /* NULL once it was cancelled */
  void *owner;
};

static void free_dial(tg_dial *dial) {
  uv_freeaddrinfo(dial->addresses);
  free(dial);
}

static void answer(tg_dial *dial, int code, tg_stream *stream) {
  tg_connect_callback callback = dial->callback;
  void *owner = dial->owner;
  free_dial(dial);
  callback(owner, code, stream);
}

static int try_next(tg_dial *dial);

static void on_connected(void *owner, int code, tg_stream *stream) {
  tg_dial *dial = owner;
  dial->connect = NULL;
  if (code == 0) {
    answer(dial, 0, stream);
    return;
  }
  dial->code = code;
  code = try_next(dial);
  if (code < 0) answer(dial, code, NULL);
}

/* Tries the addresses until one is under way; the last code when none is left. */
static int try_next(tg_dial *dial) {
  while (dial->next != NULL) {
    tg_address address = {0};
    memcpy(&address.storage, dial->next->ai_addr, dial->next->ai_addrlen);
    dial->next = dial->next->ai_next;
    dial->code = tg_connect_start(dial->loop, &address, on_connected, dial, &dial->connect);
    if (dial->code == 0) return 0;
  }
  return dial->code;
}

/* RFC 6761 section 6.3 */
static bool is_localhost(const char *host) {
  size_t size = strlen(host);
  const char *end = size > 9 ? host + size - 9 : host;
  return strcasecmp(end, "localhost") == 0 && (end == host || end[-1] == '.');
}

/* This machine's own addresses, for a system that has no name for them: a bare one has no /etc/hosts. */
static struct addrinfo *loopback(unsigned port) {
  char service[8];
  struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
  struct addrinfo *four = NULL;
  snprintf(service, sizeof service, "%u", port);
  if (getaddrinfo("127.0.0.1", service, &hints, &four) != 0) return NULL;
  if (getaddrinfo("::1", service, &hints, &four->ai_next) != 0) four->ai_next = NULL;
  return four;
}

static void on_looked_up(uv_getaddrinfo_t *lookup, int status, struct addrinfo *addresses) {
  tg_dial *dial = TG_CONTAINER(lookup, tg_dial, lookup);
  dial->looking_up = false;
  tg_loop_outside_end(dial->loop);
  dial->addresses = dial->next = addresses;
  if (dial->callback == NULL) {
    free_dial(dial);
    return;
  }
  if (status < 0 && dial->is_localhost) {
    dial->addresses = dial->next = loopback(dial->port);
    if (dial->next != NULL) status = 0;
  }
  dial->code = status;
  if (status == 0) status = try_next(dial);
  if (status < 0) answer(dial, status, NULL);
}

static int look_up(tg_dial *dial, const char *host, unsigned port) {
  char service[8];
  snprintf(service, sizeof service, "%u", port);
  dial->port = port;
  dial->is_localhost = is_localhost(host);
  struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG | AI_NUMERICSERV};
  int code = uv_getaddrinfo(&dial->loop->uv, &dial->lookup, on_looked_up, host, service, &hints);
  dial->looking_up = code == 0;
  if (code == 0) tg_loop_outside_begin(dial->loop);
  return code;
}

static void on_local(tg_job *job) {
  tg_dial *dial = TG_CONTAINER(job, tg_dial, job);
  tg_local *local = tg_local_find(dial->loop, dial->host, dial->port);
  tg_stream *stream = NULL;
  int code = local != NULL ? tg_local_connect(local, &stream) : UV_ECONNREFUSED;
  free(dial->host);
  answer(dial, code, stream);
}

/* The connection stands in the next turn, as with a socket. */
static int start_local(tg_dial *dial, const char *host, unsigned port) {
  dial->host = strdup(host);
  if (dial->host == NULL) return UV_ENOMEM;
  dial->port = port;
  tg_loop_post(dial->loop, &dial->job);
  return 0;
}

static int start_unix(tg_dial *dial, const char *path) {
  tg_address address = {.storage.ss_family = AF_UNIX};
  if (strlen(path) >= sizeof address.path) return UV_ENAMETOOLONG;
  memcpy(address.path, path, strlen(path) + 1);
  return tg_connect_start(dial->loop, &address, on_connected, dial, &dial->connect);
}

static int refuse_outside(tg_loop *loop, const char *host, unsigned port) {
  if (loop->refused_host == NULL) {
    loop->refused_host = strdup(host);
    loop->refused_port = port;
  }
  return TG_ERROR_OUTSIDE;
}

void tg_dial_isolate(tg_loop *loop, bool is_isolated) {
  loop->is_isolated = is_isolated;
  free(loop->refused_host);
  loop->refused_host = NULL;
}

const char *tg_dial_refused(const tg_loop *loop, unsigned *port) {
  *port = loop->refused_port;
  return loop->refused_host;
}

int tg_dial_start(tg_loop *loop, const char *host, unsigned port, tg_connect_callback on_connect, void *owner,
                  tg_dial **result) {
  tg_dial *dial = calloc(1, sizeof *dial);
  if (dial == NULL) return UV_ENOMEM;
  dial->loop = loop;
  dial->callback = on_connect;
  dial->owner = owner;
  tg_job_init(&dial->job, on_local);
  tg_address address;
  int code;
  if (tg_local_find(loop, host, port) != NULL) {
    code = start_local(dial, host, port);
  } else if (loop->is_isolated) {
    code = refuse_outside(loop, host, port);
  } else if (host[0] == '/') {
    code = start_unix(dial, host);
  } else if (tg_address_from_host(&address, host, port)) {
    code = tg_connect_start(loop, &address, on_connected, dial, &dial->connect);
  } else {
    code = look_up(dial, host, port);
  }
  if (code < 0) free(dial);
  else *result = dial;
  return code;
}

void tg_dial_cancel(tg_dial *dial) {
  dial->callback = NULL;
  if (dial->connect != NULL) tg_connect_cancel(dial->connect);
  tg_job_cancel(&dial->job);
  free(dial->host);
  dial->host = NULL;
  if (dial->looking_up) uv_cancel((uv_req_t *)&dial->lookup);
  else free_dial(dial);
}
