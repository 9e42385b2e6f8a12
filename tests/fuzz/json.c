/* JSON: what is read is what lua-cjson reads, wherever that is right; it is written, and read again as the same; and
   the text that was written for it is written for that too. */
#include "bind/runtime.h"
#include "support/input.h"

#include <sanitizer/lsan_interface.h>
#include <stdio.h>
#include <stdlib.h>

static const char checks[] =
    "local json, cjson = require 'tidegate.json', require 'cjson'\n"
    /* without recursion: the depth is the input's */
    "local function same(a, b)\n"
    "  local left = { a, b }\n"
    "  while #left > 0 do\n"
    "    local one, other = left[#left - 1], left[#left]\n"
    "    left[#left], left[#left - 1] = nil, nil\n"
    "    if type(one) ~= 'table' or type(other) ~= 'table' then\n"
    "      if one ~= other then return false end\n"
    "    else\n"
    "      for key in pairs(other) do\n"
    "        if one[key] == nil then return false end\n"
    "      end\n"
    "      for key, item in pairs(one) do\n"
    "        if other[key] == nil then return false end\n"
    "        left[#left + 1], left[#left + 2] = item, other[key]\n"
    "      end\n"
    "    end\n"
    "  end\n"
    "  return true\n"
    "end\n"
    "return function(text)\n"
    "  local ok, value = json.try_decode(text)\n"
    "  if not ok then\n"
    "    assert(type(value) == 'string' and #value > 0 and #value < 200, 'no sentence')\n"
    "    local is_text, again = json.try_decode(json.encode(value))\n"
    "    assert(is_text and again == value, 'the sentence is no text')\n"
    "    return\n"
    "  end\n"
    "  assert(same(value, cjson.decode(text)), 'lua-cjson reads something else')\n"
    "  local written = json.encode(value)\n"
    "  local again = json.decode(written)\n"
    "  assert(same(value, again), 'read again it is something else')\n"
    "  assert(json.encode(again) == written, 'written again it is something else')\n"
    "  assert(same(value, cjson.decode(written)), 'lua-cjson reads something else of what was written')\n"
    "end\n";

static tg_runtime *runtime;
static unsigned inputs;

enum { INPUTS_PER_RUNTIME = 5000 };

/* LuaJIT keeps pointers that the leak checker does not know for such, so that it can look between two runtimes only. */
static void close_runtime(void) {
  if (runtime == NULL) return;
  FUZZ_CHECK(tg_runtime_free(runtime));
  runtime = NULL;
  FUZZ_CHECK(__lsan_do_recoverable_leak_check() == 0);
}

/* Opens another once in a while, with the function above on its stack. */
static void open_runtime(void) {
  if (inputs++ % INPUTS_PER_RUNTIME != 0) return;
  if (runtime == NULL) atexit(close_runtime);
  close_runtime();
  runtime = tg_runtime_new();
  FUZZ_CHECK(runtime != NULL);
  FUZZ_CHECK(luaL_loadbuffer(runtime->L, checks, sizeof checks - 1, "=checks") == 0);
  FUZZ_CHECK(lua_pcall(runtime->L, 0, 1, 0) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
  open_runtime();
  lua_State *L = runtime->L;
  lua_pushvalue(L, 1);
  lua_pushlstring(L, (const char *)bytes, size);
  if (lua_pcall(L, 1, 0, 0) != 0) {
    fprintf(stderr, "%s\n", lua_tostring(L, -1));
    abort();
  }
  return 0;
}
