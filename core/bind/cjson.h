/* lua-cjson, for scripts that require it. */
#ifndef TG_BIND_CJSON_H
#define TG_BIND_CJSON_H

#include <lua.h>

/* What `require "cjson"` calls: lua-cjson's module, whose lengths are ints, behind a look at the sizes: what its text
   could not hold raises an error in place of overwriting memory or ending the process. */
int tg_cjson_open(lua_State *L);

#endif
