/* Files of a folder as answers. */
#include "base/saturate.h"
#include "bind/raise.h"
#include "bind/request.h"
#include "bind/whole.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static const char folder_metatable[] = "tidegate.Folder";
static const char file_metatable[] = "tidegate.File";

/* --- folders --- */

static int close_folder(lua_State *L) {
  tg_folder **folder = luaL_checkudata(L, 1, folder_metatable);
  if (*folder != NULL) tg_folder_close(*folder);
  *folder = NULL;
  return 0;
}

/* core.folder(path) → folder; or nil and a sentence */
static int open_folder(lua_State *L) {
  const char *path = luaL_checkstring(L, 1);
  int code;
  tg_folder **folder = lua_newuserdata(L, sizeof(tg_folder *));
  *folder = NULL;
  luaL_getmetatable(L, folder_metatable);
  lua_setmetatable(L, -2);
  *folder = tg_folder_open(path, &code);
  if (*folder != NULL) return 1;
  lua_pushnil(L);
  lua_pushstring(L, tg_error_text(code));
  return 2;
}

/* --- files --- */

static int close_file(lua_State *L) {
  tg_file *file = luaL_checkudata(L, 1, file_metatable);
  if (file->fd >= 0) close(file->fd);
  file->fd = -1;
  return 0;
}

/* Makes a file that nothing is in yet, before there is a descriptor that an error could lose. [-0, +1, m] */
static tg_file *push_file(lua_State *L) {
  tg_file *file = lua_newuserdata(L, sizeof *file);
  *file = (tg_file){.fd = -1};
  luaL_getmetatable(L, file_metatable);
  lua_setmetatable(L, -2);
  return file;
}

/* --- what tells one file from another --- */

/* splitmix64's last step: every bit of the result depends on every bit of both. */
static uint64_t mix(uint64_t hash, uint64_t value) {
  hash = (hash ^ value) + UINT64_C(0x9e3779b97f4a7c15);
  hash = (hash ^ (hash >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
  hash = (hash ^ (hash >> 27)) * UINT64_C(0x94d049bb133111eb);
  return hash ^ (hash >> 31);
}

/* Builds and archives set a file's time, often to one that all files have, so that time and size are those of another
   file as well. The inode and the time of its last change are nobody's to set: with them the tag is another one whenever
   the bytes may be. They are mixed, and so not shown. */
static void push_etag(lua_State *L, const tg_file *file) {
  char text[64];
  const uint64_t parts[] = {file->inode, (uint64_t)file->changed, file->changed_ns, (uint64_t)file->modified,
                            file->modified_ns};
  uint64_t hash = file->size;
  for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) hash = mix(hash, parts[i]);
  int size = snprintf(text, sizeof text, "\"%016llx-%llx\"", (unsigned long long)hash, (unsigned long long)file->size);
  lua_pushlstring(L, text, (size_t)size);
}

/* Pushes Last-Modified and the time since which the file is certainly what it is: one that was put in its place later
   may have the same first one. Twice nil where the first says nothing: it is before 1980-01-02, as builds set it to 0, to
   1 and to the first day that a zip archive knows, or has not come yet (RFC 9110 section 8.8.2.1). [-0, +2, -] */
static void push_times(lua_State *L, const tg_file *file) {
  enum { FIRST_DATE_MEANT = 315619200 };
  if (file->modified < FIRST_DATE_MEANT || file->modified > (int64_t)time(NULL)) {
    lua_pushnil(L);
    lua_pushnil(L);
    return;
  }
  lua_pushnumber(L, (lua_Number)file->modified);
  lua_pushnumber(L, (lua_Number)(file->changed > file->modified ? file->changed : file->modified));
}

static void push_reason(lua_State *L, int code) {
  if (code == 0) lua_pushliteral(L, "folder");
  else if (code == TG_ERROR_MISSING) lua_pushliteral(L, "missing");
  else if (code == TG_ERROR_FORBIDDEN) lua_pushliteral(L, "forbidden");
  else lua_pushstring(L, tg_error_text(code));
}

/* Puts what was found into the file on the top of the stack: nil, the file, its size, its time, its tag, its
   Last-Modified and since when it is what it is; or nil, nil and a word. [-1, +3..7, m] */
static int push_found(lua_State *L, const tg_file *found, int code) {
  tg_file *file = lua_touserdata(L, -1);
  *file = *found;
  if (code != 0 || file->is_folder) {
    lua_pop(L, 1);
    lua_pushnil(L);
    lua_pushnil(L);
    push_reason(L, code);
    return 3;
  }
  lua_pushnil(L);
  lua_insert(L, -2);
  lua_pushnumber(L, (lua_Number)file->size);
  lua_pushnumber(L, (lua_Number)file->modified);
  push_etag(L, file);
  push_times(L, file);
  return 7;
}

typedef struct look_up {
  tg_look_up of;
  tg_task *task; /* NULL when nobody waits for it any more */
  int file_ref;  /* of the file that it fills */
} look_up;

static int push_file_found(lua_State *L, void *data) {
  look_up *self = data;
  tg_runtime_push_kept(L, self->task->runtime, self->file_ref);
  return push_found(L, &self->of.file, self->of.code);
}

static void free_look_up(look_up *self, const tg_runtime *runtime) {
  tg_runtime_let_go(runtime, self->file_ref);
  free(self);
}

static void on_found(tg_look_up *of) {
  look_up *self = TG_CONTAINER(of, look_up, of);
  tg_task *task = self->task;
  if (task == NULL) {
    if (of->file.fd >= 0) close(of->file.fd);
    free(self);
    return;
  }
  tg_task_wake_with(task, push_file_found, self);
  free_look_up(self, task->runtime);
}

static void on_look_up_abort(tg_task *task) {
  look_up *self = task->wait;
  tg_runtime_let_go(task->runtime, self->file_ref);
  self->task = NULL;
  if (tg_look_up_cancel(task->runtime->loop, &self->of)) free(self);
}

/* One that fills the file on the top of the stack; NULL without memory. [-0, +0, m] */
static look_up *new_look_up(lua_State *L, tg_task *task) {
  lua_pushvalue(L, -1);
  int file_ref = tg_runtime_keep(L, task->runtime);
  look_up *self = calloc(1, sizeof *self);
  if (self == NULL) {
    tg_runtime_let_go(task->runtime, file_ref);
    return NULL;
  }
  self->task = task;
  self->file_ref = file_ref;
  self->of.on_found = on_found;
  return self;
}

/* core.folder_find(folder, path) → error, file, size, modified, etag, last_modified, since, the last two nil where that
   says nothing; or error, nil, "missing", "forbidden", "folder" or a sentence */
static int find(lua_State *L) {
  tg_folder **folder = luaL_checkudata(L, 1, folder_metatable);
  tg_text path = tg_check_text(L, 2);
  tg_task *task = tg_task_enter(L, "app:static");
  if (tg_task_is_cancelled(task)) return tg_task_raise_cancellation(L, task);
  push_file(L);
  look_up *self = new_look_up(L, task);
  if (self == NULL) return luaL_error(L, "out of memory");
  if (!tg_folder_look_up(task->runtime->loop, *folder, path, &self->of)) {
    return tg_task_park(L, task, on_look_up_abort, self);
  }
  tg_file file = self->of.file;
  int code = self->of.code;
  free_look_up(self, task->runtime);
  return push_found(L, &file, code);
}

/* core.folder_lacks(folder, path, endings…) → is there certainly no file at the path with any of the endings? */
static int lacks(lua_State *L) {
  tg_folder **folder = luaL_checkudata(L, 1, folder_metatable);
  tg_text path = tg_check_text(L, 2);
  char whole[TG_FOLDER_PATH_BYTES];
  bool none = memchr(path.data, '\0', path.size) == NULL;
  for (int i = 3; none && i <= lua_gettop(L); i++) {
    tg_text ending = tg_check_text(L, i);
    none = path.size + ending.size < sizeof whole;
    if (!none) break;
    memcpy(whole, path.data, path.size);
    memcpy(whole + path.size, ending.data, ending.size);
    whole[path.size + ending.size] = '\0';
    none = tg_folder_lacks(*folder, whole);
  }
  lua_pushboolean(L, none);
  return 1;
}

/* --- reading --- */

enum { READ_BYTES_MAX = 64 * 1024 };

/* A thread reads. The descriptor is its own meanwhile: neither a close of the file nor its collection takes it away. */
typedef struct reading {
  tg_file_reading of;
  tg_task *task; /* NULL when nobody waits for it any more */
  tg_file *file; /* that it was taken from, and is given back to */
  int file_ref;
  char bytes[READ_BYTES_MAX];
} reading;

/* nil and the bytes; or nil, nil and a sentence. [-0, +2..3, m] */
static int push_bytes(lua_State *L, const char *bytes, long count) {
  lua_pushnil(L);
  if (count > 0) {
    lua_pushlstring(L, bytes, (size_t)count);
    tg_garbage_note(&tg_runtime_of(L)->garbage, (size_t)count);
    return 2;
  }
  lua_pushnil(L);
  lua_pushstring(L, tg_error_text(count < 0 ? (int)count : TG_ERROR_EOF));
  return 3;
}

static int push_read(lua_State *L, void *data) {
  const reading *self = data;
  return push_bytes(L, self->bytes, self->of.count);
}

static void on_read(tg_work *work) {
  reading *self = TG_CONTAINER(work, reading, of.work);
  tg_task *task = self->task;
  if (task != NULL) {
    self->file->fd = self->of.fd;
    tg_task_wake_with(task, push_read, self);
    tg_runtime_let_go(task->runtime, self->file_ref);
  } else {
    close(self->of.fd);
  }
  free(self);
}

static void on_read_abort(tg_task *task) {
  reading *self = task->wait;
  tg_runtime_let_go(task->runtime, self->file_ref);
  self->task = NULL;
  if (!tg_file_reading_cancel(task->runtime->loop, &self->of)) return; /* on_read frees it */
  close(self->of.fd);
  free(self);
}

/* Begins to read from the file at index 1; NULL where that cannot be. [-0, +0, m] */
static reading *start_reading(lua_State *L, tg_task *task, tg_file *file, uint64_t offset, size_t size) {
  lua_pushvalue(L, 1);
  int file_ref = tg_runtime_keep(L, task->runtime);
  reading *self = malloc(sizeof *self);
  if (self != NULL) {
    *self = (reading){.task = task, .file = file, .file_ref = file_ref};
    self->of = (tg_file_reading){.fd = file->fd, .offset = offset, .bytes = self->bytes, .size = size};
    self->of.work.on_done = on_read;
    if (tg_file_reading_start(task->runtime->loop, &self->of) == 0) {
      file->fd = -1;
      return self;
    }
  }
  tg_runtime_let_go(task->runtime, file_ref);
  free(self);
  return NULL;
}

/* core.file_read(file, offset, bytes) → error, some of the bytes; or error, nil, a sentence: where the file cannot be
   read, or ends there */
static int read_file(lua_State *L) {
  tg_file *file = luaL_checkudata(L, 1, file_metatable);
  uint64_t offset = tg_check_whole(L, 2, 0, TG_WHOLE_MAX, "the offset");
  uint64_t wanted = tg_check_whole(L, 3, 0, TG_WHOLE_MAX, "the count of bytes");
  size_t size = wanted < READ_BYTES_MAX ? (size_t)wanted : READ_BYTES_MAX;
  if (file->fd < 0) return luaL_error(L, "the file is closed, or another task reads it");
  tg_task *task = tg_task_enter(L, "app:static");
  if (tg_task_is_cancelled(task)) return tg_task_raise_cancellation(L, task);
  tg_scratches *scratches = &task->runtime->scratches;
  tg_buffer *bytes = TG_SCRATCH_TAKE(L, scratches);
  char *room = tg_buffer_reserve(bytes, size);
  long count = room != NULL ? tg_file_read_at_hand(file->fd, offset, room, size) : TG_ERROR_MEMORY;
  int pushed = count != TG_ERROR_AGAIN ? push_bytes(L, room, count) : 0;
  tg_scratch_give(scratches, bytes);
  if (pushed > 0) return pushed;
  reading *self = start_reading(L, task, file, offset, size);
  if (self == NULL) return push_bytes(L, NULL, TG_ERROR_MEMORY);
  return tg_task_park(L, task, on_read_abort, self);
}

/* --- sending --- */

static bool is_by_client(int code) {
  bool by_file = code == TG_ERROR_EOF || code == TG_ERROR_UNREADABLE || code == TG_ERROR_MEMORY;
  return code < 0 && !by_file;
}

/* The client has left, and the connection ends soon: that wakes the task, as when it waits to write. */
static bool has_left(const tg_request *request, int code) {
  const tg_exchange *exchange = request->task->owner;
  return is_by_client(code) && exchange != NULL && exchange->connection != NULL;
}

static int push_sent(lua_State *L, void *data) {
  int code = *(int *)data;
  lua_pushnil(L);
  if (code == 0) return 1;
  if (is_by_client(code)) lua_pushboolean(L, false);
  else lua_pushstring(L, tg_error_text(code));
  return 2;
}

static void on_sent(void *owner, int code) {
  tg_task *task = owner;
  tg_request *request = task->wait;
  request->file = NULL;
  if (has_left(request, code)) {
    request->writer = task;
    return;
  }
  tg_task_wake_with(task, push_sent, &code);
}

static void on_send_abort(tg_task *task) {
  tg_request *request = task->wait;
  if (request->file != NULL) tg_file_body_cancel(request->file);
  request->file = NULL;
  request->writer = NULL;
}

/* core.answer_file(exchange, file, offset, bytes) → error, and a sentence when it could not be sent, or false where the
   client is gone: sends a part of a file as the body of an answer that has begun, and closes it */
static int answer_file(lua_State *L) {
  tg_exchange *exchange = tg_request_check_exchange(L);
  tg_file *file = luaL_checkudata(L, 2, file_metatable);
  uint64_t offset = tg_check_whole(L, 3, 0, TG_WHOLE_MAX, "the offset");
  uint64_t bytes = tg_check_whole(L, 4, 0, TG_WHOLE_MAX, "the count of bytes");
  tg_request *request = tg_request_of(exchange);
  if (file->fd < 0 || request->file != NULL) return luaL_error(L, "the file was sent already");
  tg_task *task = tg_task_enter(L, "app:static");
  int fd = file->fd;
  file->fd = -1;
  if (tg_task_is_cancelled(task)) {
    close(fd);
    return tg_task_raise_cancellation(L, task);
  }
  request->file = tg_file_body_start(task->runtime->loop, exchange, fd, offset, bytes, on_sent, task);
  if (request->file == NULL) return luaL_error(L, "out of memory");
  return tg_task_park(L, task, on_send_abort, request);
}

const luaL_Reg tg_file_metatables[] = {{folder_metatable, close_folder}, {file_metatable, close_file}, {NULL, NULL}};

const luaL_Reg tg_file_functions[] = {
    {"folder", open_folder},
    {"folder_find", find},
    {"folder_lacks", lacks},
    {"file_close", close_file},
    {"file_read", read_file},
    {"answer_file", answer_file},
    {NULL, NULL},
};
