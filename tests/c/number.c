#include "proto/number.h"
#include "check.h"
#include "proto/digits.h"

#include <float.h>
#include <locale.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static char text[TG_NUMBER_SIZE + 1];

static const char *text_of(double number) {
  memset(text, '#', sizeof text);
  size_t size = tg_number_write(number, text);
  CHECK(size <= TG_NUMBER_SIZE);
  CHECK(text[size] == '#'); /* nothing behind it was touched */
  text[size] = '\0';
  return text;
}

static void writes_a_table(void) {
  static const struct {
    double number;
    const char *text;
  } cases[] = {
      {0, "0"},
      {-0.0, "-0"},
      {1, "1"},
      {-1, "-1"},
      {10, "10"},
      {100, "100"},
      {4294967296, "4294967296"},
      {-2147483649.0, "-2147483649"},
      {100000000000000, "100000000000000"},
      {999999999999999, "999999999999999"},
      {9007199254740991, "9007199254740991"},
      {9007199254740992, "9007199254740992"},
      {-9007199254740992, "-9007199254740992"},
      {9007199254740994, "9007199254740994"},
      {1152921504606846976, "1152921504606846976"},
      {1e17, "100000000000000000"},
      {18446744073709549568.0, "18446744073709549568"},
      {18446744073709551616.0, "1.8446744073709552e19"},
      {1e20, "1e20"},
      {1e21, "1e21"},
      {1e22, "1e22"},
      {1e23, "1e23"},
      {9.5e-323, "9.4e-323"},
      {1.7976931348623157e308, "1.7976931348623157e308"},
      {2.2250738585072014e-308, "2.2250738585072014e-308"},
      {2.225073858507201e-308, "2.225073858507201e-308"},
      {4.9406564584124654e-324, "5e-324"},
      {0.1, "0.1"},
      {0.5, "0.5"},
      {-1.5, "-1.5"},
      {0.30000000000000004, "0.30000000000000004"},
      {1.0 / 3, "0.3333333333333333"},
      {2.0 / 3, "0.6666666666666666"},
      {19.99, "19.99"},
      {123456789.125, "123456789.125"},
      {4503599627370495.5, "4503599627370495.5"},
      {0.000001, "0.000001"},
      {0.0000012345678901234567, "0.0000012345678901234567"},
      {0.0000001, "1e-7"},
      {1.5e-7, "1.5e-7"},
      {1.5e300, "1.5e300"},
      {-1e-10, "-1e-10"},
      /* a power of two: the nearest decimal of 16 digits lies on the narrow side and does not read back */
      {5.684341886080802e-14, "5.684341886080802e-14"},
      {3.552713678800501e-15, "3.552713678800501e-15"},
      {9.332636185032189e-302, "9.332636185032189e-302"},
      /* half-way between two decimals of the fewest digits: the even one */
      {93794320018250.625, "93794320018250.62"},
      {774787062990424.25, "774787062990424.2"},
      {830764560795604.75, "830764560795604.8"},
      {8.41e21, "8.41e21"},
      {5e-320, "5e-320"},
      {INFINITY, ""},
      {-INFINITY, ""},
      {NAN, ""},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    check_case("%.17g", cases[i].number);
    CHECK_STRING(text_of(cases[i].number), cases[i].text);
  }
  check_case(NULL);
}

/* No decimal with fewer digits reads back: of one digit less, the neighbours on both sides are other numbers. */
static void check_shortest(double number) {
  tg_digits digits;
  tg_digits_of(number, &digits);
  CHECK(digits.count >= 1 && digits.count <= TG_DIGITS_MAX);
  CHECK(digits.text[0] != '0' && digits.text[digits.count - 1] != '0');
  char shorter[64];
  if (digits.count == 1) return;
  unsigned long long value = 0;
  for (size_t i = 0; i + 1 < digits.count; i++) value = value * 10 + (unsigned)(digits.text[i] - '0');
  for (unsigned up = 0; up < 2; up++) {
    snprintf(shorter, sizeof shorter, "%llue%d", value + up, digits.exponent - (int)digits.count + 1);
    CHECK(strtod(shorter, NULL) != number);
  }
}

static void check_one(double number) {
  check_case("%.17g", number);
  CHECK(strtod(text_of(number), NULL) == number);
  if (number != 0) check_shortest(fabs(number));
}

static double of_bits(uint64_t bits) {
  double number;
  memcpy(&number, &bits, sizeof number);
  return number;
}

/* Numbers of every size: any bits, whole ones, decimals of few digits, and the neighbours of powers of two and of ten. */
static void writes_what_reads_back(void) {
  uint64_t seed = 88172645463325252u;
  for (int i = 0; i < 100000; i++) {
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    double number = of_bits(seed);
    if (isfinite(number)) check_one(number);
    check_one((double)(int64_t)(seed >> (seed % 64)));
    check_one((double)(seed % 1000000007) / pow(10, (double)(seed % 15)));
  }
  for (int exponent = -1074; exponent <= 1023; exponent++) {
    double power = ldexp(1, exponent);
    check_one(power);
    check_one(nextafter(power, 0));
    check_one(nextafter(power, DBL_MAX));
  }
  for (int exponent = -323; exponent <= 308; exponent++) {
    double power = pow(10, exponent);
    check_one(power);
    check_one(nextafter(power, 0));
    check_one(nextafter(power, DBL_MAX));
  }
  check_case(NULL);
}

/* A script may call os.setlocale; a number has a point all the same. Where no such locale is installed nothing is shown. */
static void asks_no_locale(void) {
  static const char *const names[] = {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8"};
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    if (setlocale(LC_ALL, names[i]) == NULL) continue;
    CHECK_STRING(text_of(0.5), "0.5");
    CHECK_STRING(text_of(1.5e300), "1.5e300");
    CHECK_STRING(text_of(1.0 / 3), "0.3333333333333333");
  }
  setlocale(LC_ALL, "C");
}

int main(void) {
  writes_a_table();
  writes_what_reads_back();
  asks_no_locale();
  return check_result();
}
