#include "base/buffer.h"
#include "check.h"

#include <limits.h>
#include <stdint.h>

static void is_empty_at_first(void) {
  tg_buffer buffer = {0};
  CHECK_NUMBER(tg_buffer_size(&buffer), 0);
  CHECK(tg_buffer_append(&buffer, NULL, 0));
  CHECK(buffer.data == NULL);
  tg_buffer_free(&buffer);
}

static void appends_and_consumes(void) {
  tg_buffer buffer = {0};
  tg_buffer_append_text(&buffer, TG_TEXT("hello, "));
  tg_buffer_append(&buffer, "world", 5);
  CHECK_TEXT(tg_buffer_text(&buffer), TG_TEXT("hello, world"));
  tg_buffer_consume(&buffer, 7);
  CHECK_TEXT(tg_buffer_text(&buffer), TG_TEXT("world"));
  tg_buffer_consume(&buffer, 5);
  CHECK_NUMBER(tg_buffer_size(&buffer), 0);
  CHECK_NUMBER(buffer.start, 0); /* all of its memory is free again */
  tg_buffer_free(&buffer);
}

/* A queue that is filled and drained for long must not grow: what was consumed is used again. */
static void uses_consumed_room_again(void) {
  tg_buffer buffer = {0};
  for (unsigned i = 0; i < 10000; i++) {
    unsigned char next = (unsigned char)i;
    for (int copy = 0; copy < 10; copy++) tg_buffer_append(&buffer, (char *)&next, 1);
    if (i < 10) continue;
    CHECK_NUMBER((unsigned char)tg_buffer_text(&buffer).data[0], (unsigned char)(i - 10));
    tg_buffer_consume(&buffer, 10);
  }
  CHECK_NUMBER(tg_buffer_size(&buffer), 100);
  CHECK_NUMBER(buffer.capacity, 256);
  tg_buffer_free(&buffer);
}

static void keeps_content_when_it_grows(void) {
  tg_buffer buffer = {0};
  for (unsigned i = 0; i < 100000; i++) {
    char c = (char)('a' + i % 26);
    tg_buffer_append(&buffer, &c, 1);
    if (i % 1000 == 999) tg_buffer_consume(&buffer, 1);
  }
  tg_text text = tg_buffer_text(&buffer);
  bool whole = true;
  for (unsigned i = 0; i < text.size; i++) whole = whole && text.data[i] == (char)('a' + (i + 100) % 26);
  CHECK_NUMBER(text.size, 100000 - 100);
  CHECK(whole);
  CHECK(!buffer.failed);
  tg_buffer_free(&buffer);
}

static void reserves_without_adding(void) {
  tg_buffer buffer = {0};
  tg_buffer_append(&buffer, "ab", 2);
  char *room = tg_buffer_reserve(&buffer, 1000);
  memset(room, 'x', 1000);
  CHECK_NUMBER(tg_buffer_size(&buffer), 2);
  buffer.end += 1000;
  CHECK_NUMBER(tg_buffer_text(&buffer).data[1001], 'x');
  tg_buffer_free(&buffer);
}

static void writes_numbers(void) {
  tg_buffer buffer = {0};
  tg_buffer_append_number(&buffer, 0);
  tg_buffer_append(&buffer, " ", 1);
  tg_buffer_append_number(&buffer, 1048576);
  tg_buffer_append(&buffer, " ", 1);
  tg_buffer_append_number(&buffer, ULLONG_MAX);
  CHECK_TEXT(tg_buffer_text(&buffer), TG_TEXT("0 1048576 18446744073709551615"));
  tg_buffer_free(&buffer);
}

/* No memory: the content stays, and the buffer remembers until it is cleared. */
static void remembers_a_failure(void) {
  tg_buffer buffer = {0};
  tg_buffer_append(&buffer, "kept", 4);
  CHECK(tg_buffer_reserve(&buffer, PTRDIFF_MAX / 4) == NULL);
  CHECK(buffer.failed);
  CHECK(tg_buffer_append(&buffer, "!", 1));
  CHECK(buffer.failed);
  CHECK_TEXT(tg_buffer_text(&buffer), TG_TEXT("kept!"));
  tg_buffer_clear(&buffer);
  CHECK(!buffer.failed);
  CHECK_NUMBER(tg_buffer_size(&buffer), 0);
  CHECK_NUMBER(buffer.capacity, 256);
  tg_buffer_free(&buffer);
  CHECK(buffer.data == NULL);
  CHECK_NUMBER(buffer.capacity, 0);
}

int main(void) {
  is_empty_at_first();
  appends_and_consumes();
  uses_consumed_room_again();
  keeps_content_when_it_grows();
  reserves_without_adding();
  writes_numbers();
  remembers_a_failure();
  return check_result();
}
