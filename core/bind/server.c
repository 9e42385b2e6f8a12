/* Servers: listening, and a task for each request. */
#include "bind/server.h"
#include "base/saturate.h"
#include "bind/request.h"
#include "bind/whole.h"
#include "io/address.h"
#include "io/local.h"
#include "io/pair.h"

#include <stdio.h>
#include <stdlib.h>

struct tg_script_server {
  tg_list node; /* in the runtime's servers */
  tg_runtime *runtime;
  tg_server *server;
  struct memory_listener *listeners;
  tg_job refuse;        /* answers those for which there was no memory */
  tg_exchange *refused; /* the first of them; each one's owner is the next */
  int request_ref;      /* the Lua function that is called for each request, in a task of its own */
  int stopped_ref;      /* … called when the server has stopped */
};

typedef struct memory_listener {
  struct memory_listener *next; /* of its server's */
  tg_script_server *server;
  tg_local *local;
  tg_peer peer; /* whom its connections seem to come from; TG_PEER_UNKNOWN for what they are */
} memory_listener;

static void on_task_end(tg_task *task) {
  tg_exchange *exchange = task->owner;
  if (exchange->handed_over && exchange->answer_state == TG_ANSWER_STARTED) tg_exchange_cut(exchange);
  if (exchange->handed_over) { /* its code has broken down without an answer */
    tg_response response = {.status = 500, .type = TG_TEXT("application/problem+json")};
    response.body = TG_TEXT("{\"type\":\"about:blank\",\"title\":\"Internal Server Error\",\"status\":500}");
    tg_exchange_respond(exchange, &response);
  }
  tg_request_end(exchange, "the request has ended");
  tg_exchange_release(exchange);
}

/* The task may run on for a while: its waits raise now, and it releases the exchange when it ends. */
static void on_gone(tg_exchange *exchange) {
  tg_runtime *runtime = tg_request_of(exchange)->task->runtime;
  tg_task_push(runtime->L, tg_request_of(exchange)->task);
  tg_runtime_call(runtime, runtime->gone_ref, 1);
  tg_request_of(exchange)->is_gone = true;
  tg_request_end(exchange, "the client is gone"); /* what a shield has kept waiting */
}

static const tg_exchange_events exchange_events = {
    .on_body = tg_request_on_body,
    .on_drain = tg_request_on_drain,
    .on_gone = on_gone,
    .on_sent = tg_request_on_sent,
};

/* A task for the request; NULL without memory. Its function is called with nothing, as that needs none here: even the
   address of an exchange may, in LuaJIT. It asks core.request_line. */
static tg_task *new_task(const tg_script_server *self, tg_exchange *exchange) {
  tg_task *task = tg_task_new(self->runtime);
  if (task == NULL) return NULL;
  tg_runtime_push_kept(task->L, self->runtime, self->request_ref);
  task->on_end = on_task_end;
  task->owner = exchange;
  tg_task_start(task, 0);
  return task;
}

static void respond_busy(tg_exchange *exchange) {
  tg_response response = {.status = 503, .type = TG_TEXT("application/problem+json")};
  response.body = TG_TEXT("{\"type\":\"about:blank\",\"title\":\"Service Unavailable\",\"status\":503}");
  tg_exchange_respond(exchange, &response);
}

static void on_refuse(tg_job *job) {
  tg_script_server *self = TG_CONTAINER(job, tg_script_server, refuse);
  tg_exchange *exchange = self->refused;
  self->refused = NULL;
  while (exchange != NULL) {
    tg_exchange *next = exchange->owner;
    respond_busy(exchange);
    tg_exchange_release(exchange);
    exchange = next;
  }
}

/* There is no memory for its task. It is answered from the loop, and nothing is allocated for that here. */
static void refuse(tg_script_server *self, tg_exchange *exchange) {
  exchange->events = &tg_request_without_task;
  exchange->owner = self->refused;
  self->refused = exchange;
  tg_loop_post(self->runtime->loop, &self->refuse);
}

static void on_request(void *owner, tg_exchange *exchange) {
  tg_request *request = tg_arena_alloc(&exchange->arena, sizeof *request);
  exchange->owner = request;
  exchange->events = &exchange_events;
  if (request != NULL) {
    *request = (tg_request){0};
    tg_list_init(&request->body_waiters);
    request->task = new_task(owner, exchange);
    if (request->task != NULL) return;
  }
  refuse(owner, exchange);
}

static void on_stopped(void *owner) {
  tg_script_server *self = owner;
  tg_runtime_call(self->runtime, self->stopped_ref, 0);
}

static void on_accept_error(void *owner, int code) {
  (void)owner;
  tg_log_write("error", tg_text_of(tg_error_text(code)));
}

static void on_full(void *owner, const char *why) {
  (void)owner;
  char text[128];
  snprintf(text, sizeof text, "new connections are turned away with 503: %s", why);
  tg_log_write("warn", tg_text_of(text));
}

static const tg_server_events server_events = {
    .on_request = on_request,
    .on_stopped = on_stopped,
    .on_accept_error = on_accept_error,
    .on_full = on_full,
};

typedef struct limit_field {
  const char *name;
  size_t offset;
  bool is_wide;
} limit_field;

#define LIMIT(name, wide)                                                                                              \
  { #name, offsetof(tg_server_limits, name), wide }

static const limit_field limit_fields[] = {
    LIMIT(head_bytes_max, false),
    LIMIT(field_count_max, false),
    LIMIT(body_bytes_max, true),
    LIMIT(body_bytes_cap, true),
    LIMIT(body_ahead_bytes_max, false),
    LIMIT(skipped_bytes_max, false),
    LIMIT(head_timeout_ms, false),
    LIMIT(body_timeout_ms, false),
    LIMIT(body_bytes_per_second_min, false),
    LIMIT(send_timeout_ms, false),
    LIMIT(send_bytes_per_second_min, false),
    LIMIT(idle_timeout_ms, false),
    LIMIT(linger_timeout_ms, false),
    LIMIT(pipelined_bytes_max, false),
    LIMIT(requests_per_connection_max, false),
    LIMIT(connections_max, false),
    LIMIT(connections_per_address_max, false),
};

/* Reads the limits that the table at `index` names. [-0, +0, v] */
static tg_server_limits read_limits(lua_State *L, int index) {
  tg_server_limits limits = tg_server_limits_default;
  for (size_t i = 0; i < sizeof limit_fields / sizeof limit_fields[0]; i++) {
    lua_getfield(L, index, limit_fields[i].name);
    if (!lua_isnil(L, -1)) {
      char *field = (char *)&limits + limit_fields[i].offset;
      if (limit_fields[i].is_wide) *(uint64_t *)field = tg_to_u64(luaL_checknumber(L, -1));
      else *(uint32_t *)field = tg_to_u32(luaL_checknumber(L, -1));
    }
    lua_pop(L, 1);
  }
  return limits;
}

static tg_script_server *check_server(lua_State *L) {
  luaL_checktype(L, 1, LUA_TLIGHTUSERDATA);
  return lua_touserdata(L, 1);
}

static tg_script_server *server_new(tg_runtime *runtime, const tg_server_limits *limits) {
  tg_script_server *self = calloc(1, sizeof *self);
  if (self == NULL) return NULL;
  self->runtime = runtime;
  self->request_ref = self->stopped_ref = LUA_NOREF;
  self->server = tg_server_new(runtime->loop, limits, &server_events, self);
  if (self->server == NULL) {
    free(self);
    return NULL;
  }
  tg_job_init(&self->refuse, on_refuse);
  tg_list_push_back(&runtime->servers, &self->node);
  return self;
}

static void server_free(tg_script_server *self) {
  memory_listener *listener = self->listeners;
  tg_list_remove(&self->node);
  while (listener != NULL) {
    memory_listener *next = listener->next;
    tg_local_close(listener->local);
    free(listener);
    listener = next;
  }
  tg_server_free(self->server);
  tg_job_cancel(&self->refuse);
  on_refuse(&self->refuse); /* whose clients are gone by now */
  tg_runtime_let_go(self->runtime, self->request_ref);
  tg_runtime_let_go(self->runtime, self->stopped_ref);
  free(self);
}

void tg_script_servers_close(tg_runtime *runtime) {
  tg_list *node = runtime->servers.next;
  while (node != &runtime->servers) {
    tg_script_server *self = TG_CONTAINER(node, tg_script_server, node);
    node = node->next;
    server_free(self);
  }
}

/* core.serve{limits…, merge_slashes = boolean or nil, half_closed = "serve", "cancel" or nil, request = function,
   gone = function, stopped = function} → server. `request` is called with nothing, in a task of its own for each request, and asks core.request_line. */
static int serve(lua_State *L) {
  tg_runtime *runtime = tg_runtime_of(L);
  luaL_checktype(L, 1, LUA_TTABLE);
  tg_runtime_check_open(L);
  tg_server_limits limits = read_limits(L, 1);
  lua_settop(L, 1);
  lua_getfield(L, 1, "merge_slashes");
  bool merges_slashes = lua_toboolean(L, -1);
  lua_getfield(L, 1, "half_closed");
  bool serves_half_closed = lua_isstring(L, -1) && strcmp(lua_tostring(L, -1), "serve") == 0;
  lua_settop(L, 1);
  lua_getfield(L, 1, "request");
  lua_getfield(L, 1, "gone");
  lua_getfield(L, 1, "stopped"); /* stack: table, request, gone, stopped */
  for (int i = 2; i <= 4; i++) luaL_checktype(L, i, LUA_TFUNCTION);
  tg_script_server *self = server_new(runtime, &limits);
  if (self == NULL) return luaL_error(L, "out of memory");
  if (merges_slashes) tg_server_set_path_rules(self->server, TG_PATH_MERGE_SLASHES);
  tg_server_set_half_closed(self->server, serves_half_closed);
  tg_runtime_set_reference(L, &self->request_ref, 2);
  tg_runtime_set_reference(L, &runtime->gone_ref, 3);
  tg_runtime_set_reference(L, &self->stopped_ref, 4);
  lua_pushlightuserdata(L, self);
  return 1;
}

static const char *listen_error(const tg_address *address, int code) {
  if (address->storage.ss_family != AF_UNIX) return tg_error_text(code);
  switch (code) {
    case TG_ERROR_NO_FOLDER:
      return "its folder does not exist";
    case TG_ERROR_NO_SOCKET:
      return "something other than a socket has that path";
    case TG_ERROR_IN_USE:
      return "another process listens there";
    case TG_ERROR_NOT_OURS:
      return "a socket that nobody listens at has that path, and this user may not remove it";
    default:
      return tg_error_text(code);
  }
}

/* Pushes nil and what is wrong with an address that is none. [-0, +2, m] */
static int fail_address(lua_State *L, tg_text address) {
  lua_pushnil(L);
  if (address.size >= sizeof "unix:" - 1 + TG_UNIX_PATH_BYTES &&
      memcmp(address.data, "unix:", sizeof "unix:" - 1) == 0) {
    lua_pushfstring(L, "a path of %d bytes; that of a Unix socket has %d at most", (int)(address.size - 5),
                    TG_UNIX_PATH_BYTES - 1);
  } else {
    lua_pushliteral(
        L, "that is not an address; an address looks like 127.0.0.1:8000, [::1]:8000 or unix:/run/tidegate.sock");
  }
  return 2;
}

/* core.listen(server, address, mode or nil) → the address listened on; or nil and what is wrong with it. The mode says
   who may connect to a Unix socket: 0600 as a number, which is 384 */
static int listen_at(lua_State *L) {
  tg_address address;
  char text[TG_ADDRESS_TEXT_BYTES];
  if (!tg_address_parse(&address, tg_check_text(L, 2))) return fail_address(L, tg_check_text(L, 2));
  address.mode = (unsigned)tg_opt_whole(L, 3, 0, 07777, "the mode");
  int code = tg_server_listen(check_server(L)->server, &address, text, sizeof text);
  if (code < 0) {
    lua_pushnil(L);
    lua_pushstring(L, listen_error(&address, code));
    return 2;
  }
  lua_pushstring(L, text);
  return 1;
}

/* core.normal_address(address) → the address as core.listen gives it, without the port that the system chooses: nil where
   it is none */
static int normal_address(lua_State *L) {
  tg_address address;
  char text[TG_ADDRESS_TEXT_BYTES];
  if (!tg_address_parse(&address, tg_check_text(L, 1))) return 0;
  if (address.storage.ss_family == AF_UNIX) {
    lua_pushfstring(L, "unix:%s", address.path);
    return 1;
  }
  tg_address_text((struct sockaddr *)&address.storage, text, sizeof text);
  lua_pushstring(L, text);
  return 1;
}

static void on_local_accept(void *owner, tg_stream *stream) {
  const memory_listener *listener = owner;
  if (listener->peer.kind != TG_PEER_UNKNOWN) tg_pair_set_peer(stream, &listener->peer);
  tg_server_accept(listener->server->server, stream);
}

/* The peer that the text at `index` names, as "203.0.113.9:4711" or "unix:/path". [-0, +0, v] */
static tg_peer opt_peer(lua_State *L, int index) {
  tg_address address;
  if (lua_isnoneornil(L, index)) return (tg_peer){.kind = TG_PEER_UNKNOWN};
  luaL_argcheck(L, tg_address_parse(&address, tg_check_text(L, index)), index, "no address of a peer");
  return tg_peer_of((struct sockaddr *)&address.storage);
}

/* core.listen_in_memory(server, host, port, peer or nil): serves calls of this process to that host, without a socket; they
   seem to come from that peer */
static int listen_in_memory(lua_State *L) {
  tg_script_server *self = check_server(L);
  const char *host = luaL_checkstring(L, 2);
  unsigned port = tg_check_port(L, 3);
  tg_peer peer = opt_peer(L, 4);
  memory_listener *listener = calloc(1, sizeof *listener);
  if (listener == NULL) return luaL_error(L, "out of memory");
  *listener = (memory_listener){.next = self->listeners, .server = self, .peer = peer};
  listener->local = tg_local_open(self->runtime->loop, host, port, on_local_accept, listener);
  if (listener->local == NULL) {
    free(listener);
    return luaL_error(L, "out of memory");
  }
  self->listeners = listener;
  return 0;
}

/* core.stop_serving(server): no new connections; idle ones close, the others answer what they have; then `stopped` */
static int stop_serving(lua_State *L) {
  tg_server_stop(check_server(L)->server);
  return 0;
}

/* core.close_server(server): ends it with all its connections, at once */
static int close_server(lua_State *L) {
  server_free(check_server(L));
  return 0;
}

/* core.log_to_access_log(server): its exchanges go to the access log, if that is on */
static int log_to_access_log(lua_State *L) {
  tg_runtime *runtime = tg_runtime_of(L);
  if (runtime->access_log != NULL) tg_server_log_to(check_server(L)->server, runtime->access_log);
  return 0;
}

/* core.connection_count() → open connections of clients, of all servers */
static int connection_count(lua_State *L) {
  tg_runtime *runtime = tg_runtime_of(L);
  lua_Integer count = 0;
  for (tg_list *node = runtime->servers.next; node != &runtime->servers; node = node->next) {
    count += tg_server_connection_count(TG_CONTAINER(node, tg_script_server, node)->server);
  }
  lua_pushinteger(L, count);
  return 1;
}

const luaL_Reg tg_server_functions[] = {
    {"serve", serve},
    {"listen", listen_at},
    {"normal_address", normal_address},
    {"listen_in_memory", listen_in_memory},
    {"stop_serving", stop_serving},
    {"close_server", close_server},
    {"log_to_access_log", log_to_access_log},
    {"connection_count", connection_count},
    {NULL, NULL},
};
