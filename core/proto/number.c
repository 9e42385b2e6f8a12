#include "proto/number.h"
#include "proto/digits.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

static size_t write_whole(uint64_t number, char *text) {
  char digits[20];
  size_t size = 0;
  do digits[sizeof digits - ++size] = (char)('0' + number % 10);
  while ((number /= 10) > 0);
  memcpy(text, digits + sizeof digits - size, size);
  return size;
}

static size_t append(char *text, size_t size, const char *more, size_t count) {
  memcpy(text + size, more, count);
  return size + count;
}

/* 1.25e-9 */
static size_t write_with_exponent(const tg_digits *digits, char *text) {
  int exponent = digits->exponent - 1;
  size_t size = append(text, 0, digits->text, 1);
  if (digits->count > 1) {
    size = append(text, size, ".", 1);
    size = append(text, size, digits->text + 1, digits->count - 1);
  }
  size = append(text, size, "e-", exponent < 0 ? 2 : 1);
  return size + write_whole((uint64_t)(exponent < 0 ? -exponent : exponent), text + size);
}

/* 0.00125, 12.5 */
static size_t write_with_point(const tg_digits *digits, char *text) {
  if (digits->exponent <= 0) {
    size_t size = append(text, 0, "0.00000", 2 + (size_t)-digits->exponent);
    return append(text, size, digits->text, digits->count);
  }
  size_t whole = (size_t)digits->exponent, size = append(text, 0, digits->text, whole);
  size = append(text, size, ".", 1);
  return append(text, size, digits->text + whole, digits->count - whole);
}

static size_t write_rest(double number, char *text) {
  tg_digits digits;
  tg_digits_of(number, &digits);
  bool has_point = digits.exponent > -6 && digits.exponent < (int)digits.count;
  return has_point ? write_with_point(&digits, text) : write_with_exponent(&digits, text);
}

size_t tg_number_write(double number, char text[TG_NUMBER_SIZE]) {
  if (!isfinite(number)) return 0;
  size_t sign = signbit(number) != 0;
  double size = fabs(number);
  if (sign) text[0] = '-';
  if (size < 18446744073709551616.0 && size == (double)(uint64_t)size)
    return sign + write_whole((uint64_t)size, text + sign);
  return sign + write_rest(size, text + sign);
}
