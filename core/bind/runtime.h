/* The runtime: one Lua state on one loop, with the server and the client that its scripts use.

   Every C function that Lua sees has the runtime as its first upvalue, so there is no global state. */
#ifndef TG_BIND_RUNTIME_H
#define TG_BIND_RUNTIME_H

#include "bind/garbage.h"
#include "bind/scratch.h"
#include "bind/watch.h"
#include "http/access_log.h"
#include "http/client.h"
#include "http/server.h"
#include "io/signals.h"
#include "io/thread_pool.h"

#include <lua.h>
#include <lauxlib.h>

typedef struct tg_runtime {
  lua_State *L;    /* the main state; tasks are its threads */
  bool is_closing; /* finalizers run for the last time: nothing new begins */
  tg_loop *loop;
  tg_client *client;
  tg_access_log *access_log;  /* NULL before it is first turned on */
  tg_trusted_proxies trusted; /* whose word about their clients counts */
  tg_network *networks;       /* … which it points to */
  unsigned stream_count;      /* streams of scripts that are open */
  tg_garbage garbage;         /* of long strings */
  tg_list servers;            /* tg_script_server */
  tg_list listeners;          /* of stream.c */
  tg_signals *signals;
  tg_watch watch;          /* of the loop, while it may be stuck */
  struct tg_task *current; /* the task that runs now; NULL between */
  uint64_t turn_began_ns;  /* … since then; see tg_watch_now_ns */
  tg_list tasks;           /* all that have not ended */
  unsigned task_count;
  uint64_t task_number;            /* of the last one that began */
  struct tg_task_pushing *pushing; /* of the call of tg_task_push_results under way */
  tg_list spare_tasks;             /* ended ones, whose coroutines are used again */
  struct tg_task **task_places;    /* every task that was ever made; see task.h */
  uint32_t task_place_count, task_place_capacity;
  unsigned spare_count;
  tg_list open_deadlines; /* of deadline.c */
  tg_pool *deadlines;
  tg_thread_pool *threads; /* of blocking calls; NULL before the first */
  tg_thread_limits thread_limits;
  tg_scratches scratches;
  uint64_t stall_ns; /* a turn of a task that is longer is reported to stall_ref */
  /* functions that tg_runtime_keep keeps: */
  int stall_ref;
  int deadline_ref;   /* called with the object of a deadline that has passed */
  int forget_ref;     /* called with a task that has ended and that Lua keeps notes of */
  int body_ref;       /* the Lua function that every task's coroutine runs; see task.lua */
  int gone_ref;       /* called when the client of a request is gone */
  int signal_ref;     /* called with a signal's name */
  int coroutines_ref; /* a table: [coroutine] = true for each that is a task's own */
  int levels_ref;     /* a table, see core.coroutine_levels */
  int line_ref;       /* called with the level and the message of a line that C logs; see log_lines.c */
  int stuck_ref;      /* called when the clock is virtual and nothing can ever run again */
  /* in the registry, from the start: */
  int kept_ref;         /* the table of tg_runtime_keep */
  int traceback_ref;    /* adds a traceback to an error */
  int push_ref;         /* tg_task_push_protected */
  int memory_error_ref; /* what a wait raises whose results there was no memory for */
  int get_ref;          /* "GET", the method of most requests */
} tg_runtime;

/* A runtime with all modules ready to be required; NULL without memory. */
tg_runtime *tg_runtime_new(void);

/* Runs the program: the module tidegate.cli gets the arguments; its exit status is returned. */
int tg_runtime_main(tg_runtime *runtime, int argc, char **argv);

/* Ends every task and connection and frees. False where a blocking call or the reading of a file would not end: its thread
   goes on, and the process should end without being torn down around it. */
bool tg_runtime_free(tg_runtime *runtime);

/* The runtime of the C function that runs. [-0, +0, -] */
static inline tg_runtime *tg_runtime_of(lua_State *L) {
  return (tg_runtime *)lua_touserdata(L, lua_upvalueindex(1));
}

/* Calls the Lua function behind a reference with what was pushed, outside any task; an error in it is our own, or that
   memory is out, and goes to the log: then it answers false. Does nothing for LUA_NOREF. [-count, +0, -] */
bool tg_runtime_call(tg_runtime *runtime, int reference, int count);

/* Raises where the runtime is being freed: a finalizer may still begin something that nobody would end. [-0, +0, v] */
void tg_runtime_check_open(lua_State *L);

/* Puts functions into the table on the top of the stack, with the runtime as their upvalue. [-0, +0, m] */
void tg_runtime_register(lua_State *L, tg_runtime *runtime, const luaL_Reg *functions);

/* Keeps the function at `index` behind *reference, in place of what was there. [-0, +0, m] */
void tg_runtime_set_reference(lua_State *L, int *reference, int index);

/* Takes the value on the top and keeps it; the reference that names it. Not in the registry, as luaL_ref does: where
   memory is out in a table that has names and numbers for keys, LuaJIT may lose what its numbers refer to.
   [-1, +0, m] */
int tg_runtime_keep(lua_State *L, const tg_runtime *runtime);

/* Takes the value on the top in place of what is kept. [-1, +0, -] */
void tg_runtime_keep_instead(lua_State *L, const tg_runtime *runtime, int reference);

/* Pushes what is kept. [-0, +1, -] */
void tg_runtime_push_kept(lua_State *L, const tg_runtime *runtime, int reference);

/* Keeps it no more; nothing happens for LUA_NOREF. [-0, +0, -] */
void tg_runtime_let_go(const tg_runtime *runtime, int reference);

/* A string argument as a slice; raises when it is none. [-0, +0, v] */
static inline tg_text tg_check_text(lua_State *L, int index) {
  tg_text text;
  text.data = luaL_checklstring(L, index, &text.size);
  return text;
}

/* A string argument as a slice; {NULL, 0} where it is nil or missing. [-0, +0, v] */
static inline tg_text tg_opt_text(lua_State *L, int index) {
  tg_text text = {NULL, 0};
  text.data = lua_tolstring(L, index, &text.size);
  if (text.data == NULL && !lua_isnoneornil(L, index)) luaL_typerror(L, index, "string");
  return text;
}

/* The deadlines of a runtime: opened with it, closed before its Lua state. */
void tg_deadlines_open(tg_runtime *runtime);
void tg_deadlines_close(tg_runtime *runtime);

/* Hands over no more lines of the log. */
void tg_log_lines_close(tg_runtime *runtime);

/* Closes the listeners of scripts. */
void tg_stream_listeners_close(tg_runtime *runtime);

/* Ends the threads of blocking calls; false where one would not end in time. */
bool tg_blocking_close(tg_runtime *runtime);

/* The functions of each file of this folder. */
extern const luaL_Reg tg_task_functions[], tg_clock_functions[], tg_server_functions[], tg_request_functions[],
    tg_call_functions[], tg_stream_functions[], tg_text_functions[], tg_system_functions[], tg_deadline_functions[],
    tg_tree_functions[], tg_blocking_functions[], tg_body_functions[], tg_answer_functions[], tg_handles_functions[],
    tg_coding_functions[], tg_file_functions[], tg_validator_functions[], tg_multipart_functions[],
    tg_access_log_functions[], tg_client_functions[], tg_fields_functions[], tg_json_functions[], tg_watch_functions[],
    tg_encoding_functions[], tg_log_lines_functions[];

/* The metatables of userdata by their names, each with what its collection calls. */
extern const luaL_Reg tg_stream_metatables[], tg_coding_metatables[], tg_file_metatables[], tg_multipart_metatables[],
    tg_json_metatables[];

#endif
