/* Whole numbers that scripts give. luaL_checkinteger makes something of every number: NaN, 0.5 and 2^32 + 80 too. */
#ifndef TG_BIND_WHOLE_H
#define TG_BIND_WHOLE_H

#include <lua.h>
#include <stdint.h>

/* The most that a double can count. */
#define TG_WHOLE_MAX 9007199254740992.0

/* The argument as a whole number from `least` to `most`, which are such numbers up to TG_WHOLE_MAX themselves. Raises for
   everything else: "<what> must be a whole number from <least> to <most>, not <what it is>". [-0, +0, v] */
uint64_t tg_check_whole(lua_State *L, int index, lua_Number least, lua_Number most, const char *what);

/* … or `otherwise` where it is nil or missing. [-0, +0, v] */
uint64_t tg_opt_whole(lua_State *L, int index, uint64_t otherwise, lua_Number most, const char *what);

/* The argument as a port. [-0, +0, v] */
unsigned tg_check_port(lua_State *L, int index);

#endif
