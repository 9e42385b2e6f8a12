#include "base/arena.h"
#include "check.h"

#include <stdint.h>
#include <stdlib.h>

static _Alignas(max_align_t) char memory[256];

static bool is_inside(const void *at) {
  return (const char *)at >= memory && (const char *)at < memory + sizeof memory;
}

static void uses_the_first_block_first(void) {
  tg_arena arena;
  tg_arena_init(&arena, memory, sizeof memory);
  CHECK(is_inside(tg_arena_alloc(&arena, 100)));
  CHECK(is_inside(tg_arena_alloc(&arena, 100)));
  CHECK(!is_inside(tg_arena_alloc(&arena, 100)));
  tg_arena_free(&arena);
}

static void aligns_what_it_gives(void) {
  tg_arena arena;
  tg_arena_init(&arena, memory, sizeof memory);
  for (size_t size = 0; size < 3000; size += 7) {
    tg_arena_copy(&arena, TG_TEXT("odd"));
    char *at = tg_arena_alloc(&arena, size);
    if (!CHECK(at != NULL)) break;
    CHECK_NUMBER((uintptr_t)at % _Alignof(max_align_t), 0);
    memset(at, 0xff, size);
  }
  tg_arena_free(&arena);
}

static void keeps_what_it_gave(void) {
  tg_arena arena;
  unsigned char *given[200];
  tg_arena_init(&arena, memory, sizeof memory);
  for (unsigned i = 0; i < 200; i++) {
    given[i] = tg_arena_alloc(&arena, i + 1);
    memset(given[i], (int)i, i + 1);
  }
  for (unsigned i = 0; i < 200; i++) {
    CHECK_NUMBER(given[i][0], i);
    CHECK_NUMBER(given[i][i], i);
  }
  tg_arena_free(&arena);
}

static void appends_in_place_at_the_end(void) {
  tg_arena arena;
  tg_arena_init(&arena, memory, sizeof memory);
  tg_text text = {NULL, 0};
  CHECK(tg_arena_append(&arena, &text, "one", 3));
  const char *start = text.data;
  CHECK(tg_arena_append(&arena, &text, ", two", 5));
  CHECK(text.data == start);
  CHECK_TEXT(text, TG_TEXT("one, two"));
  tg_text other = tg_arena_copy(&arena, TG_TEXT("between"));
  CHECK(tg_arena_append(&arena, &text, ", three", 7));
  CHECK(text.data != start);
  CHECK_TEXT(text, TG_TEXT("one, two, three"));
  CHECK_TEXT(other, TG_TEXT("between"));
  tg_arena_free(&arena);
}

/* A peer that sends a field of 16 KiB byte by byte must not cost a block for each byte. */
static void appends_bytes_in_linear_memory(void) {
  tg_arena arena;
  tg_arena_init(&arena, memory, sizeof memory);
  tg_text text = {NULL, 0};
  unsigned moves = 0;
  for (unsigned i = 0; i < 16384; i++) {
    const char *before = text.data;
    char c = (char)i;
    CHECK(tg_arena_append(&arena, &text, &c, 1));
    if (text.data != before) moves++;
  }
  CHECK_NUMBER(text.size, 16384);
  CHECK_NUMBER((unsigned char)text.data[16383], 255);
  CHECK(moves <= 10);
  tg_arena_free(&arena);
}

static void copies_nothing_to_nothing(void) {
  tg_arena arena;
  tg_arena_init(&arena, memory, sizeof memory);
  CHECK_NUMBER(tg_arena_copy(&arena, (tg_text){NULL, 0}).size, 0);
  tg_text text = {NULL, 0};
  CHECK(tg_arena_append(&arena, &text, "", 0));
  CHECK(tg_arena_append(&arena, &text, "a", 1));
  CHECK_TEXT(text, TG_TEXT("a"));
  tg_arena_free(&arena);
}

static void says_when_there_is_no_memory(void) {
  tg_arena arena;
  tg_arena_init(&arena, memory, sizeof memory);
  tg_text text = tg_arena_copy(&arena, TG_TEXT("kept"));
  CHECK(tg_arena_alloc(&arena, PTRDIFF_MAX / 4) == NULL);
  CHECK(!tg_arena_append(&arena, &text, memory, PTRDIFF_MAX / 4));
  CHECK_TEXT(text, TG_TEXT("kept"));
  tg_arena_free(&arena);
}

int main(void) {
  uses_the_first_block_first();
  aligns_what_it_gives();
  keeps_what_it_gave();
  appends_in_place_at_the_end();
  appends_bytes_in_linear_memory();
  copies_nothing_to_nothing();
  says_when_there_is_no_memory();
  return check_result();
}
