/* Steele and White's free-format printing ("How to print floating-point numbers accurately", 1990) with exact integers,
   in front of which stands a short way for what people write: prices, seconds, coordinates. */
#include "proto/digits.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

/* The largest integer here is below 10^324 × 2^56, which has 1,133 bits. */
enum { WORDS_MAX = 40 };

typedef struct integer {
  uint32_t words[WORDS_MAX]; /* the lowest first; the highest of `count` is not zero */
  int count;
} integer;

static void set(integer *a, uint64_t value) {
  a->words[0] = (uint32_t)value;
  a->words[1] = (uint32_t)(value >> 32);
  a->count = a->words[1] != 0 ? 2 : a->words[0] != 0;
}

static void multiply(integer *a, uint32_t by) {
  uint64_t carry = 0;
  for (int i = 0; i < a->count; i++) {
    carry += (uint64_t)a->words[i] * by;
    a->words[i] = (uint32_t)carry;
    carry >>= 32;
  }
  if (carry != 0) a->words[a->count++] = (uint32_t)carry;
}

static void multiply_by_power_of_ten(integer *a, int exponent) {
  for (; exponent >= 9; exponent -= 9) multiply(a, 1000000000);
  for (; exponent > 0; exponent--) multiply(a, 10);
}

static void shift_left(integer *a, int bits) {
  int words = bits / 32;
  if (a->count == 0) return;
  memmove(a->words + words, a->words, (size_t)a->count * sizeof a->words[0]);
  memset(a->words, 0, (size_t)words * sizeof a->words[0]);
  a->count += words;
  multiply(a, (uint32_t)1 << bits % 32);
}

static int compare(const integer *a, const integer *b) {
  if (a->count != b->count) return a->count < b->count ? -1 : 1;
  for (int i = a->count - 1; i >= 0; i--) {
    if (a->words[i] != b->words[i]) return a->words[i] < b->words[i] ? -1 : 1;
  }
  return 0;
}

/* a + b against c */
static int compare_sum(const integer *a, const integer *b, const integer *c) {
  integer sum;
  uint64_t carry = 0;
  sum.count = a->count > b->count ? a->count : b->count;
  for (int i = 0; i < sum.count; i++) {
    carry += (uint64_t)(i < a->count ? a->words[i] : 0) + (i < b->count ? b->words[i] : 0);
    sum.words[i] = (uint32_t)carry;
    carry >>= 32;
  }
  if (carry != 0) sum.words[sum.count++] = (uint32_t)carry;
  return compare(&sum, c);
}

/* a -= b, which is not larger */
static void subtract(integer *a, const integer *b) {
  uint64_t borrow = 0;
  for (int i = 0; i < a->count; i++) {
    uint64_t difference = (uint64_t)a->words[i] - (i < b->count ? b->words[i] : 0) - borrow;
    a->words[i] = (uint32_t)difference;
    borrow = difference >> 63;
  }
  while (a->count > 0 && a->words[a->count - 1] == 0) a->count--;
}

/* The number is rest/unit; what lies less than below/unit under it and above/unit over it reads back as it, and where
   its last bit is even, so do the two ends. */
typedef struct interval {
  integer rest, unit, above, below;
  int is_even;
} interval;

static void interval_of(interval *is, uint64_t mantissa, int exponent, int is_lowest) {
  /* below a power of two the doubles lie twice as close as above it */
  int is_uneven = mantissa == (uint64_t)1 << 52 && !is_lowest;
  int up = exponent > 0 ? exponent : 0;
  set(&is->rest, mantissa);
  set(&is->unit, 1);
  set(&is->above, 1);
  set(&is->below, 1);
  shift_left(&is->rest, up + 1 + is_uneven);
  shift_left(&is->unit, (exponent < 0 ? -exponent : 0) + 1 + is_uneven);
  shift_left(&is->above, up + is_uneven);
  shift_left(&is->below, up);
  is->is_even = mantissa % 2 == 0;
}

static int is_above_end(const interval *is) {
  int order = compare_sum(&is->rest, &is->above, &is->unit);
  return order > 0 || (order == 0 && is->is_even);
}

static int is_below_end(const interval *is) {
  int order = compare(&is->rest, &is->below);
  return order < 0 || (order == 0 && is->is_even);
}

static void next_place(interval *is) {
  multiply(&is->rest, 10);
  multiply(&is->above, 10);
  multiply(&is->below, 10);
}

/* Scales so that the number lies between 0.1 and 1, and tells by which power of ten. */
static int scale(interval *is, double number) {
  int exponent = (int)ceil(log10(number) - 1e-10); /* never too large, and at most one too small */
  if (exponent >= 0) multiply_by_power_of_ten(&is->unit, exponent);
  else {
    multiply_by_power_of_ten(&is->rest, -exponent);
    multiply_by_power_of_ten(&is->above, -exponent);
    multiply_by_power_of_ten(&is->below, -exponent);
  }
  if (!is_above_end(is)) return exponent;
  multiply(&is->unit, 10);
  return exponent + 1;
}

static char next_digit(interval *is) {
  char digit = '0';
  next_place(is);
  for (; compare(&is->rest, &is->unit) >= 0; digit++) subtract(&is->rest, &is->unit);
  return digit;
}

/* Of the digit and the next one, where both would do: is the number nearer to the next? Half-way the even one is taken. */
static int is_nearer_above(const interval *is, char digit) {
  int order = compare_sum(&is->rest, &is->rest, &is->unit);
  return order > 0 || (order == 0 && digit % 2 != 0);
}

static void print_exactly(double number, tg_digits *digits) {
  int exponent;
  uint64_t mantissa = (uint64_t)ldexp(frexp(number, &exponent), 53);
  exponent -= 53;
  if (exponent < -1074) { /* a subnormal double has fewer bits */
    mantissa >>= -1074 - exponent;
    exponent = -1074;
  }
  interval is;
  interval_of(&is, mantissa, exponent, exponent == -1074);
  digits->exponent = scale(&is, number);
  digits->count = 0;
  for (;;) {
    char digit = next_digit(&is);
    int down = is_below_end(&is), up = is_above_end(&is);
    if (up && (!down || is_nearer_above(&is, digit))) digit++;
    digits->text[digits->count++] = digit;
    if (down || up) return;
  }
}

/* Whole numbers below 10^15 over powers of ten up to 10^15 are divided exactly as a reader of the decimal would: both
   are doubles, and a division is rounded right. Decimals of at most 15 digits are all different as doubles. */
static int print_short(double number, tg_digits *digits) {
  static const double powers[] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
  char text[TG_DIGITS_MAX];
  size_t size = 0;
  for (int places = 0; places <= 15; places++) {
    double whole = nearbyint(number * powers[places]);
    if (!(whole < 1e15)) return 0;
    if (whole / powers[places] != number) continue;
    uint64_t rest = (uint64_t)whole;
    while (rest % 10 == 0) { /* of a whole number; a zero behind the point would have been left out before */
      rest /= 10;
      places--;
    }
    for (; rest > 0; rest /= 10) text[sizeof text - ++size] = (char)('0' + rest % 10);
    memcpy(digits->text, text + sizeof text - size, size);
    digits->count = size;
    digits->exponent = (int)size - places;
    return 1;
  }
  return 0;
}

void tg_digits_of(double number, tg_digits *digits) {
  if (!print_short(number, digits)) print_exactly(number, digits);
}
