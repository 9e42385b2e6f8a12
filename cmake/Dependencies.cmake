# The libraries from outside, each as an imported target. All are linked statically, so that the binary needs
# the C library only; all headers are system headers, so that our warnings stay ours.
#
# A target is the library itself, rather than an interface that names a file: CMake then knows that what LINK names must
# stand behind it on the linker's line, behind every library that refers to it.

find_package(Threads REQUIRED)

# tg_add_dependency(<target> HEADER <file> LIBRARY <names…> [PACKAGE <Debian package>] [LINK <more…>]
#                   [SUFFIXES <folders…>] [ROOT <folder>])
function(tg_add_dependency target)
  cmake_parse_arguments(arg "WHOLE_ARCHIVE" "HEADER;PACKAGE;ROOT" "LIBRARY;LINK;SUFFIXES" ${ARGN})
  set(where "")
  if(arg_ROOT)
    set(where PATHS "${arg_ROOT}/usr/include" "${arg_ROOT}/usr/lib/${CMAKE_C_LIBRARY_ARCHITECTURE}" NO_DEFAULT_PATH)
  endif()
  find_path(${target}_INCLUDE_DIR "${arg_HEADER}" PATH_SUFFIXES ${arg_SUFFIXES} ${where})
  find_library(${target}_LIBRARY NAMES ${arg_LIBRARY} ${where})
  mark_as_advanced(${target}_INCLUDE_DIR ${target}_LIBRARY)
  if(NOT ${target}_INCLUDE_DIR OR NOT ${target}_LIBRARY)
    message(FATAL_ERROR "${arg_HEADER} or one of ${arg_LIBRARY} is missing: ${arg_PACKAGE}. ./dev sets it up.")
  endif()
  if(arg_WHOLE_ARCHIVE)
    add_library(${target} INTERFACE IMPORTED)
    list(PREPEND arg_LINK "$<LINK_LIBRARY:WHOLE_ARCHIVE,${${target}_LIBRARY}>")
  else()
    add_library(${target} STATIC IMPORTED)
    set_target_properties(${target} PROPERTIES IMPORTED_LOCATION "${${target}_LIBRARY}")
  endif()
  target_include_directories(${target} INTERFACE "${${target}_INCLUDE_DIR}")
  target_link_libraries(${target} INTERFACE ${arg_LINK})
endfunction()

tg_add_dependency(tg_libuv
  HEADER uv.h
  LIBRARY libuv_a.a libuv.a
  LINK Threads::Threads ${CMAKE_DL_LIBS} rt
  PACKAGE "install libuv1-dev")

# The whole archive: what the program itself leaves unused, a Lua C module loaded later may need.
tg_add_dependency(tg_lua WHOLE_ARCHIVE
  HEADER luajit.h
  SUFFIXES luajit-2.1
  LIBRARY libluajit-5.1.a
  LINK m ${CMAKE_DL_LIBS}
  PACKAGE "install libluajit2-5.1-dev (Debian 13: libluajit-5.1-dev)")

tg_add_dependency(tg_cjson
  HEADER lua5.1/lua-cjson.h
  LIBRARY liblua5.1-cjson.a
  LINK tg_lua m
  PACKAGE "install lua-cjson-dev")

# The content codings. Debian calls the static brotli libbrotli*.a, other systems libbrotli*-static.a.
tg_add_dependency(tg_zlib
  HEADER zlib.h
  LIBRARY libz.a
  PACKAGE "install zlib1g-dev")

tg_add_dependency(tg_brotlicommon
  HEADER brotli/types.h
  LIBRARY libbrotlicommon.a libbrotlicommon-static.a
  LINK m
  PACKAGE "install libbrotli-dev")

tg_add_dependency(tg_brotlienc
  HEADER brotli/encode.h
  LIBRARY libbrotlienc.a libbrotlienc-static.a
  LINK tg_brotlicommon
  PACKAGE "install libbrotli-dev")

tg_add_dependency(tg_brotlidec
  HEADER brotli/decode.h
  LIBRARY libbrotlidec.a libbrotlidec-static.a
  LINK tg_brotlicommon
  PACKAGE "install libbrotli-dev")

tg_add_dependency(tg_zstd
  HEADER zstd.h
  LIBRARY libzstd.a
  PACKAGE "install libzstd-dev")

# Debian 12 has no llhttp that is safe to use; cmake/fetch-llhttp puts Debian 13's into the build folder.
set(llhttp_root "${CMAKE_SOURCE_DIR}/build/deps/llhttp")
if(NOT EXISTS "${llhttp_root}/usr/include/llhttp.h")
  set(llhttp_root "")
endif()
tg_add_dependency(tg_llhttp
  HEADER llhttp.h
  LIBRARY libllhttp.a
  ROOT "${llhttp_root}"
  PACKAGE "run cmake/fetch-llhttp (Debian 13: install libllhttp-dev)")

file(STRINGS "${tg_llhttp_INCLUDE_DIR}/llhttp.h" llhttp_version REGEX "^#define LLHTTP_VERSION_(MAJOR|MINOR) ")
string(REGEX REPLACE "[^0-9;]" "" llhttp_version "${llhttp_version}")
string(REPLACE ";" "." llhttp_version "${llhttp_version}")
if(llhttp_version VERSION_LESS 9.2)
  message(FATAL_ERROR "llhttp ${llhttp_version} lets requests be smuggled (CVE-2023-30589); 9.2 is the oldest to use.")
endif()

# yyjson is built in: no Debian has a static library of it. It reads texts and finds the digits of numbers; what is left
# out here cannot be asked for by mistake. Its warnings are not ours.
set(yyjson_root "${CMAKE_SOURCE_DIR}/build/deps/yyjson")
if(NOT EXISTS "${yyjson_root}/yyjson.c")
  message(FATAL_ERROR "build/deps/yyjson/yyjson.c is missing. ./dev fetches it where there is apt; elsewhere put "
    "yyjson.c and yyjson.h of 0.10 or newer there.")
endif()
add_library(tg_yyjson STATIC "${yyjson_root}/yyjson.c")
target_include_directories(tg_yyjson SYSTEM PUBLIC "${yyjson_root}")
target_compile_definitions(tg_yyjson PUBLIC YYJSON_DISABLE_UTILS=1 YYJSON_DISABLE_NON_STANDARD=1)
target_compile_options(tg_yyjson PRIVATE -w)
if(TG_SANITIZE)
  target_compile_options(tg_yyjson PRIVATE -O0) # with the sanitizers' checks an optimizer takes one to three minutes
endif()
target_link_libraries(tg_yyjson PRIVATE tg_options)
