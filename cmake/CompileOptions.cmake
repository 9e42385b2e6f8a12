# What every file of ours is compiled with.

include(CheckIPOSupported)

add_library(tg_options INTERFACE)
target_include_directories(tg_options INTERFACE "${CMAKE_SOURCE_DIR}/core")
target_compile_definitions(tg_options INTERFACE _GNU_SOURCE TG_VERSION="${PROJECT_VERSION}")
target_compile_options(tg_options INTERFACE
  $<$<COMPILE_LANGUAGE:C>:-Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wconversion
  -Wno-sign-conversion -Werror -fno-omit-frame-pointer>)

if(TG_SANITIZE)
  # `undefined` leaves the last two out: a double that does not fit what it is cast to, and one that is divided by zero.
  set(sanitizers -fsanitize=address,undefined,float-cast-overflow,float-divide-by-zero -fno-sanitize-recover=all)
  target_compile_options(tg_options INTERFACE $<$<COMPILE_LANGUAGE:C>:${sanitizers}>)
  target_link_options(tg_options INTERFACE ${sanitizers})
  # LuaJIT's own allocator hides its objects from the sanitizer; with malloc a leak or a stray write shows.
  target_compile_definitions(tg_options INTERFACE TG_MALLOC_LUA=1 TG_SANITIZE=1)
endif()

if(TG_FUZZ)
  target_compile_options(tg_options INTERFACE $<$<COMPILE_LANGUAGE:C>:-fsanitize=fuzzer-no-link>)
endif()

if(CMAKE_BUILD_TYPE STREQUAL "Release")
  check_ipo_supported(RESULT ipo_works OUTPUT ipo_output LANGUAGES C)
  set(CMAKE_INTERPROCEDURAL_OPTIMIZATION ${ipo_works})
endif()
