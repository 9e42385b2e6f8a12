#include "base/saturate.h"
#include "check.h"

#include <math.h>

static void takes_what_fits(void) {
  CHECK(tg_to_u64(0) == 0 && tg_to_u64(1.9) == 1 && tg_to_u64(9007199254740992.0) == UINT64_C(9007199254740992));
  CHECK(tg_to_u32(4294967295.0) == UINT32_MAX && tg_to_u32(0.5) == 0);
  CHECK(tg_to_i64(-1.5) == -1 && tg_to_i64(-9007199254740992.0) == INT64_C(-9007199254740992));
  CHECK(tg_seconds_to_ns(0.5) == 500000000 && tg_seconds_to_ns(1e9) == UINT64_C(1000000000000000000));
}

static void gives_the_nearest_of_what_does_not(void) {
  static const double small[] = {-0.0, -0.5, -1, -1e300, -INFINITY, NAN};
  static const double large[] = {18446744073709551616.0, 1e300, INFINITY};
  for (size_t i = 0; i < sizeof small / sizeof small[0]; i++) {
    check_case("%g", small[i]);
    CHECK(tg_to_u64(small[i]) == 0 && tg_to_u32(small[i]) == 0);
    if (!isnan(small[i])) CHECK(tg_seconds_to_ns(small[i]) == 0);
  }
  for (size_t i = 0; i < sizeof large / sizeof large[0]; i++) {
    check_case("%g", large[i]);
    CHECK(tg_to_u64(large[i]) == UINT64_MAX && tg_to_u32(large[i]) == UINT32_MAX && tg_to_i64(large[i]) == INT64_MAX);
    CHECK(tg_seconds_to_ns(large[i]) == UINT64_C(1000000000000000000));
  }
  check_case(NULL);
  CHECK(tg_to_u32(4294967296.0) == UINT32_MAX);
  CHECK(tg_to_i64(9223372036854775808.0) == INT64_MAX && tg_to_i64(-9223372036854775808.0) == INT64_MIN);
  CHECK(tg_to_i64(-1e300) == INT64_MIN && tg_to_i64(NAN) == 0);
}

int main(void) {
  takes_what_fits();
  gives_the_nearest_of_what_does_not();
  return check_result();
}
