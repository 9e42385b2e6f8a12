/* Doubles as whole numbers. C leaves open what a cast gives for NaN and for what does not fit; here NaN is 0, and what is
   too large or too small is the nearest that fits. Fractions are cut off. */
#ifndef TG_BASE_SATURATE_H
#define TG_BASE_SATURATE_H

#include <stdint.h>

static inline uint64_t tg_to_u64(double number) {
  if (!(number > 0)) return 0;
  return number < 18446744073709551616.0 ? (uint64_t)number : UINT64_MAX;
}

static inline uint32_t tg_to_u32(double number) {
  if (!(number > 0)) return 0;
  return number < 4294967296.0 ? (uint32_t)number : UINT32_MAX;
}

static inline int64_t tg_to_i64(double number) {
  if (number != number) return 0;
  if (number <= -9223372036854775808.0) return INT64_MIN;
  return number < 9223372036854775808.0 ? (int64_t)number : INT64_MAX;
}

/* Nanoseconds of a time in seconds. The most is 10^9 seconds: with the clock added it still fits. */
static inline uint64_t tg_seconds_to_ns(double seconds) {
  return tg_to_u64((seconds < 1e9 ? seconds : 1e9) * 1e9);
}

#endif
