/* For tests: the lines that C writes into the log, handed to a function of Lua's between the turns of tasks, since they come
   where no Lua may run. */
#include "bind/log.h"
#include "bind/runtime.h"

#include <stdlib.h>
#include <string.h>

enum { LINES_MAX = 1000, LEVEL_BYTES = 8 };

typedef struct log_line {
  struct log_line *next;
  char level[LEVEL_BYTES];
  size_t size;
  char text[];
} log_line;

/* Lines that are still to be handed over; where there is no runtime, as in most processes, none are kept. */
static struct {
  tg_runtime *runtime;
  tg_job job;
  log_line *first, **end;
  unsigned count;
} lines;

static void keep(const char *level, tg_text message) {
  if (lines.count >= LINES_MAX) return;
  log_line *line = malloc(sizeof *line + message.size);
  if (line == NULL) return; /* standard error has it */
  line->next = NULL;
  strncpy(line->level, level, LEVEL_BYTES - 1);
  line->level[LEVEL_BYTES - 1] = '\0';
  line->size = message.size;
  if (message.size > 0) memcpy(line->text, message.data, message.size);
  *lines.end = line;
  lines.end = &line->next;
  lines.count++;
  tg_loop_post(lines.runtime->loop, &lines.job);
}

static log_line *take_all(void) {
  log_line *first = lines.first;
  lines.first = NULL;
  lines.end = &lines.first;
  lines.count = 0;
  return first;
}

static int hand_over(lua_State *L) {
  const log_line *line = lua_touserdata(L, 1);
  lua_pushstring(L, line->level);
  lua_pushlstring(L, line->text, line->size);
  tg_runtime_call(lines.runtime, lines.runtime->line_ref, 2);
  return 0;
}

static void on_job(tg_job *job) {
  lua_State *L = lines.runtime->L;
  log_line *line = take_all();
  (void)job;
  while (line != NULL) {
    log_line *next = line->next;
    if (lua_cpcall(L, hand_over, line) != 0) lua_pop(L, 1); /* not enough memory */
    free(line);
    line = next;
  }
}

void tg_log_lines_close(tg_runtime *runtime) {
  if (lines.runtime != runtime) return;
  tg_job_cancel(&lines.job);
  tg_log_keep(NULL);
  lines.runtime = NULL;
  for (log_line *line = take_all(), *next; line != NULL; line = next) {
    next = line->next;
    free(line);
  }
}

/* core.on_log_line(function): calls it with the level and the message of each line that is not written by core.log */
static int on_log_line(lua_State *L) {
  tg_runtime *runtime = tg_runtime_of(L);
  tg_runtime_set_reference(L, &runtime->line_ref, 1);
  if (lines.runtime != NULL) return 0;
  lines.runtime = runtime;
  lines.end = &lines.first;
  tg_job_init(&lines.job, on_job);
  tg_log_keep(keep);
  return 0;
}

const luaL_Reg tg_log_lines_functions[] = {{"on_log_line", on_log_line}, {NULL, NULL}};
