/* The process, its folder and its loop. */
#include "bind/log.h"
#include "bind/raise.h"
#include "bind/runtime.h"
#include "bind/whole.h"
#include "io/file.h"
#include "io/private_folder.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

/* Appends the names, each with its NUL; 0 or the system's error. */
static int read_names(const char *path, tg_buffer *names) {
  DIR *folder = opendir(path);
  if (folder == NULL) return errno;
  const struct dirent *entry;
  errno = 0;
  /* cppcheck-suppress readdirCalled ; each stream is one thread's */
  while ((entry = readdir(folder)) != NULL) tg_buffer_append(names, entry->d_name, strlen(entry->d_name) + 1);
  int code = names->failed ? ENOMEM : errno;
  closedir(folder);
  return code;
}

/* core.list_folder(path) → names without order; or nil and a sentence. The folder is closed when Lua gets them: it may
   raise. */
static int list_folder(lua_State *L) {
  tg_scratches *scratches = &tg_runtime_of(L)->scratches;
  const char *path = luaL_checkstring(L, 1);
  tg_buffer *names = TG_SCRATCH_TAKE(L, scratches);
  int code = read_names(path, names);
  if (code != 0) {
    tg_scratch_give(scratches, names);
    lua_pushnil(L);
    lua_pushstring(L, strerror(code));
    return 2;
  }
  lua_newtable(L);
  tg_text rest = tg_buffer_text(names); /* each name ends in NUL */
  for (int i = 1; rest.data != NULL && rest.size > 0; i++) {
    size_t size = strnlen(rest.data, rest.size - 1);
    lua_pushlstring(L, rest.data, size);
    lua_rawseti(L, -2, i);
    rest = (tg_text){rest.data + size + 1, rest.size - size - 1};
  }
  tg_scratch_give(scratches, names);
  return 1;
}

static const char *reason_of(int code) {
  if (code == TG_ERROR_IS_FOLDER) return "it is a folder";
  return code == TG_ERROR_NO_FILE ? "it is a pipe, a socket or a device" : strerror(-code);
}

/* core.read_file(path) → the text of a regular file, for the time before anything is served; or nil and a sentence, and
   whether there is nothing of that name */
static int read_file(lua_State *L) {
  tg_scratches *scratches = &tg_runtime_of(L)->scratches;
  const char *path = luaL_checkstring(L, 1);
  tg_buffer *text = TG_SCRATCH_TAKE(L, scratches);
  int code = tg_file_read_whole(path, text);
  if (code == 0) {
    tg_scratch_push(L, scratches, text);
    return 1;
  }
  tg_scratch_give(scratches, text);
  lua_pushnil(L);
  lua_pushstring(L, reason_of(code));
  lua_pushboolean(L, code == TG_ERROR_MISSING);
  return 3;
}

/* core.make_folder(path): makes it where it is missing → nothing; or a sentence */
static int make_folder(lua_State *L) {
  const char *path = luaL_checkstring(L, 1);
  struct stat info;
  if (mkdir(path, 0777) == 0) return 0;
  int code = errno;
  if (code == EEXIST && stat(path, &info) == 0) {
    if (S_ISDIR(info.st_mode)) return 0;
    code = ENOTDIR;
  }
  lua_pushstring(L, strerror(code));
  return 1;
}

/* core.environment() → the names of the process's variables */
static int environment(lua_State *L) {
  lua_newtable(L);
  for (int i = 0; environ != NULL && environ[i] != NULL; i++) {
    const char *end = strchr(environ[i], '=');
    lua_pushlstring(L, environ[i], end != NULL ? (size_t)(end - environ[i]) : strlen(environ[i]));
    lua_rawseti(L, -2, i + 1);
  }
  return 1;
}

/* core.user() → the number of the user that the process runs as */
static int user(lua_State *L) {
  lua_pushnumber(L, (lua_Number)geteuid());
  return 1;
}

/* core.working_folder() → its path; or nil and a sentence */
static int working_folder(lua_State *L) {
  char path[4096];
  bool is_known = getcwd(path, sizeof path) != NULL;
  if (is_known) lua_pushstring(L, path);
  else lua_pushnil(L);
  lua_pushstring(L, is_known ? NULL : strerror(errno));
  return 2;
}

/* core.private_folder(path, make) → nothing where the folder is this user's alone; else a sentence. Makes it where it is
   missing and `make` is true */
static int private_folder(lua_State *L) {
  char text[128];
  const char *wrong = tg_private_folder_check(luaL_checkstring(L, 1), lua_toboolean(L, 2), text, sizeof text);
  if (wrong == NULL) return 0;
  lua_pushstring(L, wrong);
  return 1;
}

/* core.log(level, message, fields or nil): writes a line to the log, with what stands behind the message in its format */
static int log_message(lua_State *L) {
  tg_log_write_fields(luaL_checkstring(L, 1), tg_check_text(L, 2), tg_opt_text(L, 3));
  return 0;
}

/* core.log_format("json" or "text"): how lines are written from here on */
static int log_format(lua_State *L) {
  tg_log_set_json(strcmp(luaL_checkstring(L, 1), "json") == 0);
  return 0;
}

/* core.raise(message): raises it with the place of the user's code that called */
static int raise_message(lua_State *L) {
  tg_raise(L, "%s", luaL_checkstring(L, 1));
}

/* core.raise_value(message, value): raises an error of that value, see raise.h */
static int raise_value(lua_State *L) {
  luaL_checkany(L, 2);
  tg_raise_value(L, 2, "%s", luaL_checkstring(L, 1));
}

/* core.on_value_error(function): see raise.h */
static int on_value_error(lua_State *L) {
  luaL_checktype(L, 1, LUA_TFUNCTION);
  lua_settop(L, 1);
  tg_set_value_raiser(L);
  return 0;
}

/* core.on_lost_place(function): see raise.h */
static int on_lost_place(lua_State *L) {
  luaL_checktype(L, 1, LUA_TFUNCTION);
  lua_settop(L, 1);
  tg_set_lost_place(L);
  return 0;
}

/* core.place() → "file:line" of the user's code that called; "?" where there is none */
static int place(lua_State *L) {
  if (!tg_push_any_place(L)) lua_pushliteral(L, "?");
  return 1;
}

/* core.raise_descriptor_limit() → how many descriptors the process may have, now that it has taken all that it may */
static int raise_descriptor_limit(lua_State *L) {
  struct rlimit limit = {0};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit); /* where it may not, it goes on with what it has */
  getrlimit(RLIMIT_NOFILE, &limit);
  lua_pushnumber(L, (lua_Number)limit.rlim_cur);
  return 1;
}

/* core.run(): runs the loop until core.stop */
static int run(lua_State *L) {
  tg_loop_run(tg_runtime_of(L)->loop);
  return 0;
}

/* core.stop(): makes core.run return after this turn */
static int stop(lua_State *L) {
  tg_loop_stop(tg_runtime_of(L)->loop);
  return 0;
}

/* core.hold_signals(): SIGHUP and SIGUSR1 do nothing until core.on_signal */
static int hold_signals(lua_State *L) {
  (void)L;
  tg_signals_hold();
  return 0;
}

/* core.on_signal(function): calls it with "SIGINT", "SIGTERM", "SIGHUP" or "SIGUSR1", which have their usual effect where
   it was never called */
static int on_signal(lua_State *L) {
  tg_runtime *runtime = tg_runtime_of(L);
  tg_runtime_set_reference(L, &runtime->signal_ref, 1);
  tg_signals_start(runtime->signals);
  return 0;
}

/* core.is_terminal() → does standard error go to a terminal? */
static int is_terminal(lua_State *L) {
  lua_pushboolean(L, isatty(STDERR_FILENO));
  return 1;
}

/* core.random_bytes(count) → that many bytes from the system's generator */
static int random_bytes(lua_State *L) {
  char bytes[256];
  size_t count = tg_check_whole(L, 1, 0, sizeof bytes, "the count of random bytes");
  arc4random_buf(bytes, count);
  lua_pushlstring(L, bytes, count);
  return 1;
}

const luaL_Reg tg_system_functions[] = {
    {"list_folder", list_folder},
    {"read_file", read_file},
    {"make_folder", make_folder},
    {"environment", environment},
    {"user", user},
    {"working_folder", working_folder},
    {"private_folder", private_folder},
    {"raise", raise_message},
    {"raise_value", raise_value},
    {"on_value_error", on_value_error},
    {"on_lost_place", on_lost_place},
    {"place", place},
    {"raise_descriptor_limit", raise_descriptor_limit},
    {"log", log_message},
    {"log_format", log_format},
    {"run", run},
    {"stop", stop},
    {"hold_signals", hold_signals},
    {"on_signal", on_signal},
    {"is_terminal", is_terminal},
    {"random_bytes", random_bytes},
    {NULL, NULL},
};
