/* Errors of scripts, blamed on the script's own line. */
#ifndef TG_BIND_RAISE_H
#define TG_BIND_RAISE_H

#include <lua.h>
#include <stdbool.h>

/* Pushes "file:line" of the innermost function on the stack of the coroutine `of` that is no part of Tidegate; false,
   with nothing pushed, where there is none. [-0, +0..1, m] */
bool tg_push_place(lua_State *L, lua_State *of);

/* Takes the function on the stack, which says whose work is under way, "file:line (what)" or nil, where no function of
   the user's is left on the stack. [-1, +0, m] */
void tg_set_lost_place(lua_State *L);

/* As tg_push_place for the running coroutine; asks that function where there is none. [-0, +0..1, m] */
bool tg_push_any_place(lua_State *L);

/* Raises a message (format as of lua_pushfstring) with that place before it. [-0, +0, v] */
_Noreturn void tg_raise(lua_State *L, const char *format, ...);

/* Takes the function on the stack, which raises errors of values: function(message, message without a place, value).
   [-1, +0, m] */
void tg_set_value_raiser(lua_State *L);

/* The same for a value, at `index`, that is of the right type and cannot be carried for what is in it: whoever sent it to
   the script is to blame. Raised by that function, as an error object. [-0, +0, v] */
_Noreturn void tg_raise_value(lua_State *L, int index, const char *format, ...);

#endif
