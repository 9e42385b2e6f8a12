/* yyjson finds the digits; its text of a number is taken apart again. */
#include "proto/digits.h"

#include <stdlib.h>
#include <string.h>
#include <yyjson.h>

enum { TEXT_SIZE = 64 }; /* yyjson asks for what its longest number needs, 34 bytes */

/* yyjson's writer asks for memory once: what lies ready. */
static void *take(void *ready, size_t size) {
  return size <= TEXT_SIZE ? ready : NULL;
}

static void *take_more(void *ready, void *old, size_t old_size, size_t size) {
  (void)old;
  (void)old_size;
  return take(ready, size);
}

static void give(void *ready, void *memory) {
  (void)ready;
  (void)memory;
}

/* Of "12.5", "0.00125", "1.25e-7", "1e23": the digits without zeros around them, and where the point is. */
static void take_apart(const char *text, tg_digits *digits) {
  int point = 0;
  bool is_behind_point = false;
  digits->count = 0;
  for (; *text != '\0' && *text != 'e'; text++) {
    if (*text == '.') {
      is_behind_point = true;
    } else if (*text == '0' && digits->count == 0) {
      point -= is_behind_point;
    } else {
      point += !is_behind_point;
      if (digits->count < TG_DIGITS_MAX) digits->text[digits->count++] = *text;
    }
  }
  while (digits->text[digits->count - 1] == '0') digits->count--;
  digits->exponent = point + (*text == 'e' ? (int)strtol(text + 1, NULL, 10) : 0);
}

void tg_digits_of(double number, tg_digits *digits) {
  char text[TEXT_SIZE];
  yyjson_alc memory = {take, take_more, give, text};
  yyjson_val value = {0};
  size_t size;
  yyjson_write_err error;
  yyjson_set_real(&value, number);
  yyjson_val_write_opts(&value, YYJSON_WRITE_NOFLAG, &memory, &size, &error);
  take_apart(text, digits);
}
