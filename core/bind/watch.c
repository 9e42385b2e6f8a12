/* The watch over a loop that may be stuck. What look() calls runs in a signal's handler, in the thread of the loop: it
   reads what that thread has left of the task that runs, and nothing of Lua. */
#include "bind/watch.h"
#include "bind/log.h"
#include "bind/request.h"
#include "bind/task.h"
#include "http/exchange.h"
#include "io/watchdog.h"

#include <poll.h>
#include <unistd.h>

#define NS_PER_MS UINT64_C(1000000)

enum {
  TOLD_MS_MIN = 1000,    /* a turn that is shorter is told of when it is over */
  WAITS_MS = 200,        /* an unheard signal to end: what holds the loop is named */
  PATIENCE_MS = 1000,    /* … it is not the first: the process ends */
  STUCK_MS = 2000,       /* … or at once, where a turn is so long already */
  LAST_TURN_MS = 4000,   /* in the last phase of the process, for a turn */
  LAST_PHASE_MS = 15000, /* … and as a whole; it waits for tasks, threads and logs for some seconds */
  FLUSH_MS = 1500,       /* for the access log */
  FLUSH_STEP_MS = 10,
  DEPTH_MAX = 1000,
  LINE_BYTES_MAX = 800,
  PATH_BYTES_MAX = 400,
};

/* --- a text, without libc's help --- */

typedef struct line {
  char bytes[LINE_BYTES_MAX];
  size_t size;
} line;

static void put(line *to, tg_text text) {
  size_t room = sizeof to->bytes - to->size;
  if (text.size > room) text.size = room;
  if (text.size > 0) memcpy(to->bytes + to->size, text.data, text.size);
  to->size += text.size;
}

#define PUT(to, literal) put((to), TG_TEXT(literal))

static void put_number(line *to, uint64_t number, unsigned base, size_t digits_min) {
  char digits[20];
  size_t first = sizeof digits;
  do {
    digits[--first] = "0123456789abcdef"[number % base];
    number /= base;
  } while (number > 0 || sizeof digits - first < digits_min);
  put(to, (tg_text){digits + first, sizeof digits - first});
}

/* --- what holds the loop --- */

static const tg_exchange *exchange_of(const tg_task *task) {
  for (int depth = 0; task != NULL && depth < DEPTH_MAX; depth++, task = task->parent) {
    if (task->owner != NULL) return task->owner;
  }
  return NULL;
}

/* As request.id_of writes it. */
static void put_id(line *to, const tg_runtime *runtime, const tg_exchange *exchange) {
  tg_text given = tg_request_given_id(runtime, exchange);
  if (given.size > 0) {
    put(to, given);
    return;
  }
  put(to, tg_text_of(runtime->watch.id_prefix));
  PUT(to, "-");
  put_number(to, exchange->number, 16, 6);
}

static void put_request(line *to, const tg_runtime *runtime, const tg_exchange *exchange) {
  tg_text path = exchange->target.path;
  put(to, exchange->head.method);
  PUT(to, " ");
  put(to, (tg_text){path.data, path.size < PATH_BYTES_MAX ? path.size : PATH_BYTES_MAX});
  if (path.size > PATH_BYTES_MAX) PUT(to, "...");
  PUT(to, " (request ");
  put_id(to, runtime, exchange);
  PUT(to, ")");
}

static void put_holder(line *to, const tg_runtime *runtime) {
  const tg_exchange *exchange = exchange_of(runtime->current);
  if (exchange != NULL) put_request(to, runtime, exchange);
  else if (runtime->current != NULL) PUT(to, "a background task");
  else PUT(to, "something that is not a task");
}

static uint64_t held_ns(const tg_runtime *runtime, uint64_t now) {
  return runtime->current != NULL ? now - runtime->turn_began_ns : 0;
}

static void put_held(line *to, const tg_runtime *runtime, uint64_t now) {
  put_number(to, held_ns(runtime, now) / NS_PER_MS, 10, 1);
  PUT(to, " ms");
}

static void tell(const tg_runtime *runtime, const char *level, const line *text) {
  line id = {.size = 0};
  const tg_exchange *exchange = exchange_of(runtime->current);
  if (exchange != NULL) put_id(&id, runtime, exchange);
  tg_log_write_in_handler(level, (tg_text){text->bytes, text->size}, (tg_text){id.bytes, id.size});
}

/* --- a turn without end --- */

/* Tells of it again each time it has become twice as long. */
static void tell_of_turn(tg_runtime *runtime, uint64_t now) {
  tg_watch *watch = &runtime->watch;
  uint64_t first_ns = TOLD_MS_MIN * NS_PER_MS, held = held_ns(runtime, now);
  if (watch->turn_ns != runtime->turn_began_ns) {
    watch->turn_ns = runtime->turn_began_ns;
    watch->next_ns = runtime->stall_ns > first_ns ? runtime->stall_ns : first_ns;
  }
  if (held < watch->next_ns) return;
  watch->next_ns = held * 2;
  line text = {.size = 0};
  PUT(&text, "the loop is held by ");
  put_holder(&text, runtime);
  PUT(&text, ", for ");
  put_held(&text, runtime, now);
  PUT(&text, " by now; nothing else runs until it waits or ends");
  tell(runtime, "warn", &text);
}

/* --- a process that should end --- */

static void flush_access_log(const tg_runtime *runtime) {
  for (int ms = 0; ms < FLUSH_MS; ms += FLUSH_STEP_MS) {
    if (runtime->access_log == NULL || !tg_access_log_is_waiting(runtime->access_log)) return;
    poll(NULL, 0, FLUSH_STEP_MS);
  }
}

static void end_process(const tg_runtime *runtime, uint64_t now) {
  line text = {.size = 0};
  PUT(&text, "the process ends while ");
  put_holder(&text, runtime);
  PUT(&text, " still holds the loop");
  if (runtime->current != NULL) {
    PUT(&text, ", for ");
    put_held(&text, runtime, now);
    PUT(&text, " by now");
  }
  tell(runtime, "error", &text);
  flush_access_log(runtime);
  _exit(TG_WATCH_STATUS);
}

static void tell_of_wait(const tg_runtime *runtime, uint64_t now) {
  line text = {.size = 0};
  PUT(&text, "the end waits for ");
  put_holder(&text, runtime);
  if (runtime->current != NULL) {
    PUT(&text, ", which has held the loop for ");
    put_held(&text, runtime, now);
  }
  PUT(&text, "; another signal ends the process without it");
  tell(runtime, "warn", &text);
}

/* The process was told to end, and the loop has not heard of it. */
static void look_at_ends(tg_runtime *runtime, uint64_t now) {
  tg_watch *watch = &runtime->watch;
  unsigned count = tg_signals_end_count(runtime->signals);
  if (watch->ends_seen != count) {
    watch->ends_seen = count;
    watch->seen_ns = now;
  }
  uint64_t waits_ns = now - watch->seen_ns;
  tg_watchdog_look_soon();
  if (waits_ns < WAITS_MS * NS_PER_MS) return;
  bool is_stuck = waits_ns >= PATIENCE_MS * NS_PER_MS || held_ns(runtime, now) >= STUCK_MS * NS_PER_MS;
  if (count > 1 && is_stuck) end_process(runtime, now);
  if (watch->ends_told != count) tell_of_wait(runtime, now);
  watch->ends_told = count;
}

static bool is_last_phase_over(const tg_runtime *runtime, uint64_t now) {
  uint64_t final_ns = runtime->watch.final_ns;
  if (final_ns == 0) return false;
  return held_ns(runtime, now) >= LAST_TURN_MS * NS_PER_MS || now - final_ns >= LAST_PHASE_MS * NS_PER_MS;
}

static void look(void *owner) {
  tg_runtime *runtime = owner;
  uint64_t now = tg_watch_now_ns();
  if (tg_signals_unheard_end_count(runtime->signals) > 0) look_at_ends(runtime, now);
  if (is_last_phase_over(runtime, now)) end_process(runtime, now);
  if (runtime->current != NULL) tell_of_turn(runtime, now);
}

void tg_watch_end(tg_runtime *runtime) {
  if (runtime->watch.final_ns == 0) runtime->watch.final_ns = tg_watch_now_ns();
}

/* --- what scripts call --- */

/* core.watch_loop(prefix): names in the log what holds the loop, while it does, and does not let it keep the process from
   ending; `prefix` is that of requests' ids → true, or false where the system does not let it */
static int watch_loop(lua_State *L) {
  tg_runtime *runtime = tg_runtime_of(L);
  tg_text prefix = tg_check_text(L, 1);
  size_t size = prefix.size < TG_WATCH_ID_BYTES_MAX ? prefix.size : TG_WATCH_ID_BYTES_MAX;
  memcpy(runtime->watch.id_prefix, prefix.data, size);
  runtime->watch.id_prefix[size] = '\0';
  lua_pushboolean(L, tg_watchdog_open(look, runtime) == 0);
  return 1;
}

const luaL_Reg tg_watch_functions[] = {{"watch_loop", watch_loop}, {NULL, NULL}};
