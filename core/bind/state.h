/* Lua states: that of the runtime, and those of the threads that run blocking code. */
#ifndef TG_BIND_STATE_H
#define TG_BIND_STATE_H

#include "bind/embedded.h"

#include <lua.h>

/* A state with Lua's libraries, and cjson ready to be required; NULL without memory. */
lua_State *tg_state_new(void);

/* Makes `loader` what `require` calls for a module, with `data` as its upvalue. [-0, +0, m] */
void tg_state_preload(lua_State *L, const char *name, lua_CFunction loader, const void *data);

/* The loader of an embedded module, which is its upvalue. */
int tg_state_open_embedded(lua_State *L);

#endif
