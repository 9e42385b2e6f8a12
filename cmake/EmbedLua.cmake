# tg_embed_lua(<target> <folder>): every .lua file below the folder becomes part of the target, in the table
# that core/bind/embedded.h declares. The assembler takes the files in as they are, and counts them: the table
# is written when the set of files changes, the object is rebuilt when a file's content does.
function(tg_embed_lua target folder)
  file(GLOB_RECURSE files CONFIGURE_DEPENDS RELATIVE "${folder}" "${folder}/*.lua")
  set(TG_EMBED_SOURCES "")
  set(TG_EMBED_ENTRIES "")
  set(dependencies "")
  set(index 0)
  foreach(file IN LISTS files)
    string(REGEX REPLACE "(/init)?\\.lua$" "" name "${file}")
    string(REPLACE "/" "." name "${name}")
    string(APPEND TG_EMBED_SOURCES
      ".Lname${index}: .asciz \"${name}\"\n"
      ".Lsource${index}: .incbin \"${folder}/${file}\"\n"
      ".Lend${index}: .byte 0\n")
    string(APPEND TG_EMBED_ENTRIES
      "  WORD .Lname${index}, .Lsource${index}, .Lend${index} - .Lsource${index}\n")
    list(APPEND dependencies "${folder}/${file}")
    math(EXPR index "${index} + 1")
  endforeach()

  set(table "${CMAKE_CURRENT_BINARY_DIR}/embedded_lua.S")
  configure_file("${CMAKE_SOURCE_DIR}/cmake/embedded_lua.S.in" "${table}" @ONLY)
  set_source_files_properties("${table}" PROPERTIES OBJECT_DEPENDS "${dependencies}")
  target_sources(${target} PRIVATE "${table}")
endfunction()
