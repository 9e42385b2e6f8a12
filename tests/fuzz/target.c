/* Request targets: whatever comes, a path that is accepted is normal, and stays what it is. */
#include "proto/target.h"
#include "base/chars.h"
#include "proto/percent.h"
#include "proto/utf8.h"
#include "support/input.h"

#include <stdlib.h>

/* --- what every normal path is --- */

static void check_segments(tg_text path, unsigned rules) {
  while (path.size > 0) {
    const char *next = memchr(path.data + 1, '/', path.size - 1);
    size_t size = next != NULL ? (size_t)(next - path.data) : path.size;
    tg_text segment = {path.data + 1, size - 1};
    FUZZ_CHECK(!tg_text_equal(segment, TG_TEXT(".")) && !tg_text_equal(segment, TG_TEXT("..")));
    if (next != NULL && (rules & TG_PATH_MERGE_SLASHES) != 0) FUZZ_CHECK(segment.size > 0);
    path = (tg_text){path.data + size, path.size - size};
  }
}

/* Each byte may stand in a path, or is encoded in upper case, and none that need not be. */
static void check_bytes(tg_text path) {
  for (size_t i = 0; i < path.size; i++) {
    if (path.data[i] != '%') {
      FUZZ_CHECK(tg_char_is(path.data[i], TG_CHAR_PATH));
      continue;
    }
    int value = tg_percent_value(path, i);
    FUZZ_CHECK(value >= 0x20 && value != 0x7f && !tg_char_is((char)value, TG_CHAR_UNRESERVED));
    FUZZ_CHECK((path.data[i + 1] < 'a') && (path.data[i + 2] < 'a'));
    i += 2;
  }
}

static void check_decoded(tg_text path) {
  tg_buffer decoded = {0};
  FUZZ_CHECK(tg_percent_decode(&decoded, path, false));
  FUZZ_CHECK(tg_utf8_is_valid(tg_buffer_text(&decoded)));
  tg_buffer_free(&decoded);
}

static void check_is_normal_already(tg_text path, unsigned rules) {
  char memory[64];
  tg_arena arena;
  tg_text again;
  tg_arena_init(&arena, memory, sizeof memory);
  FUZZ_CHECK(tg_path_normalize(path, rules, &arena, &again) == NULL);
  FUZZ_CHECK_TEXT(again, path);
  tg_arena_free(&arena);
}

static void check_normal(tg_text path, unsigned rules) {
  FUZZ_CHECK(path.size > 0 && path.data[0] == '/');
  check_segments(path, rules);
  check_bytes(path);
  check_decoded(path);
  check_is_normal_already(path, rules);
}

/* --- targets --- */

static void check_target(const tg_target *target, tg_text text, unsigned rules) {
  if (tg_text_equal(target->path, TG_TEXT("*"))) {
    FUZZ_CHECK_TEXT(text, TG_TEXT("*"));
    return;
  }
  check_normal(target->path, rules);
  FUZZ_CHECK(target->query.size == 0 || memchr(target->query.data, '#', target->query.size) == NULL);
  FUZZ_CHECK(target->query.size + target->authority.size < text.size + 1);
}

/* A copy without a byte to spare, so that reading past the end shows. */
static char *exact_copy(const uint8_t *bytes, size_t size) {
  char *copy = malloc(size > 0 ? size : 1);
  if (copy == NULL) abort();
  if (size > 0) memcpy(copy, bytes, size);
  return copy;
}

static void try_method(tg_text method, tg_text text, unsigned rules) {
  char memory[64];
  tg_arena arena;
  tg_target target;
  tg_arena_init(&arena, memory, sizeof memory);
  if (tg_target_parse(&target, method, text, rules, &arena) == NULL) check_target(&target, text, rules);
  tg_arena_free(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
  char *copy = exact_copy(bytes, size);
  for (unsigned rules = 0; rules <= TG_PATH_MERGE_SLASHES; rules++) {
    try_method(TG_TEXT("GET"), (tg_text){copy, size}, rules);
    try_method(TG_TEXT("OPTIONS"), (tg_text){copy, size}, rules);
  }
  free(copy);
  return 0;
}
