/* The access log: turned on by the command that serves, written to by the servers. */
#include "bind/access_log.h"
#include "base/saturate.h"
#include "bind/log.h"

#include <stdio.h>

/* How long the end of the process waits for whoever reads the log. */
enum { END_MS_MAX = 1000 };

/* --- what becomes of it goes to the main log --- */

static void on_trouble(void *owner, int code) {
  char message[192];
  (void)owner;
  const char *why = code == TG_ERROR_SLOW ? "lines come faster than they are taken" : tg_error_text(code);
  snprintf(message, sizeof message, "the access log cannot be written: %s; lines that find no room are dropped", why);
  tg_log_write("error", tg_text_of(message));
}

static void format_dropped(char *text, size_t size, uint64_t dropped) {
  snprintf(text, size, "%llu line%s dropped", (unsigned long long)dropped, dropped == 1 ? " was" : "s were");
}

static void on_recovered(void *owner, uint64_t dropped) {
  char message[128], lines[64];
  (void)owner;
  format_dropped(lines, sizeof lines, dropped);
  snprintf(message, sizeof message, "the access log is written again; %s", lines);
  tg_log_write("info", tg_text_of(message));
}

static void on_reopened(void *owner, int code) {
  char message[192];
  (void)owner;
  if (code == 0) {
    tg_log_write("info", TG_TEXT("the access log was opened anew"));
    return;
  }
  snprintf(message, sizeof message, "the access log cannot be opened anew, and goes on as it was: %s",
           tg_error_text(code));
  tg_log_write("error", tg_text_of(message));
}

static const tg_log_file_events events = {on_trouble, on_recovered, on_reopened};

static bool turn_off(tg_runtime *runtime) {
  uint64_t dropped;
  char message[128], lines[64];
  bool has_ended = tg_access_log_close(runtime->access_log, END_MS_MAX, &dropped);
  if (dropped > 0) {
    format_dropped(lines, sizeof lines, dropped);
    snprintf(message, sizeof message, "the access log ends; %s", lines);
    tg_log_write("warn", tg_text_of(message));
  }
  if (!has_ended)
    tg_log_write("warn", TG_TEXT("the access log hangs in a write; the process ends without waiting for it"));
  return has_ended;
}

bool tg_script_access_log_close(tg_runtime *runtime) {
  if (runtime->access_log == NULL) return true;
  bool has_ended = turn_off(runtime);
  tg_access_log *ended = runtime->access_log;
  runtime->access_log = NULL; /* first: the watchdog's handler may come in between, and looks at it */
  tg_access_log_free(ended);
  return has_ended;
}

/* --- what scripts call --- */

static const char *const format_names[] = {"json", "combined", NULL};
static const tg_access_log_format formats[] = {TG_ACCESS_LOG_JSON, TG_ACCESS_LOG_COMBINED};

/* Reads the table at `index`, whose strings must live as long as the options. [-0, +4, v] */
static tg_access_log_options read_options(lua_State *L, int index) {
  tg_access_log_options options = {0};
  lua_getfield(L, index, "path");
  lua_getfield(L, index, "format");
  lua_getfield(L, index, "buffer_bytes_max");
  lua_getfield(L, index, "id_prefix"); /* stack: path, format, buffer_bytes_max, id_prefix */
  options.path = luaL_checkstring(L, -4);
  options.format = formats[luaL_checkoption(L, lua_gettop(L) - 2, "json", format_names)];
  options.buffer_bytes_max = (size_t)tg_to_u64(luaL_checknumber(L, -2));
  options.id_prefix = tg_opt_text(L, -1);
  luaL_argcheck(L, options.buffer_bytes_max >= TG_ACCESS_LOG_BUFFER_BYTES_MIN, index, "the buffer is too small");
  return options;
}

/* core.access_log_open{path, format = "json" or "combined", buffer_bytes_max, id_prefix} → true; or nil and what is
   wrong with the path. "-" is standard output. Where it is on already, it goes on with the new options. */
static int open_log(lua_State *L) {
  tg_runtime *runtime = tg_runtime_of(L);
  luaL_checktype(L, 1, LUA_TTABLE);
  tg_access_log_options options = read_options(L, 1);
  options.trusted = runtime->trusted;
  if (runtime->access_log == NULL) runtime->access_log = tg_access_log_new(runtime->loop, &events, NULL);
  if (runtime->access_log == NULL) return luaL_error(L, "out of memory");
  turn_off(runtime);
  int code = tg_access_log_open(runtime->access_log, &options);
  if (code == 0) {
    lua_pushboolean(L, 1);
    return 1;
  }
  lua_pushnil(L);
  lua_pushstring(L, tg_error_text(code));
  return 2;
}

/* core.access_log_reopen(): writes what there is, then goes on in a new file of the same path; nothing where it is off */
static int reopen_log(lua_State *L) {
  tg_runtime *runtime = tg_runtime_of(L);
  if (runtime->access_log != NULL) tg_access_log_reopen(runtime->access_log);
  return 0;
}

/* core.access_log_close(): writes what there is, for a second at most, and turns it off */
static int close_log(lua_State *L) {
  tg_runtime *runtime = tg_runtime_of(L);
  if (runtime->access_log != NULL) turn_off(runtime);
  return 0;
}

static void set_number(lua_State *L, const char *name, lua_Number number) {
  lua_pushnumber(L, number);
  lua_setfield(L, -2, name);
}

/* core.access_log_statistics() → {lines, dropped, failures, buffer_bytes, is_in_trouble}; nil where it is off */
static int statistics(lua_State *L) {
  const tg_runtime *runtime = tg_runtime_of(L);
  if (runtime->access_log == NULL || !tg_access_log_is_open(runtime->access_log)) return 0;
  tg_log_file_statistics count = tg_access_log_count(runtime->access_log);
  lua_createtable(L, 0, 5);
  set_number(L, "lines", (lua_Number)count.lines);
  set_number(L, "dropped", (lua_Number)count.dropped);
  set_number(L, "failures", (lua_Number)count.failures);
  set_number(L, "buffer_bytes", (lua_Number)count.buffer_bytes);
  lua_pushboolean(L, count.is_in_trouble);
  lua_setfield(L, -2, "is_in_trouble");
  return 1;
}

const luaL_Reg tg_access_log_functions[] = {
    {"access_log_open", open_log},
    {"access_log_reopen", reopen_log},
    {"access_log_close", close_log},
    {"access_log_statistics", statistics},
    {NULL, NULL},
};
