#include "io/network.h"
#include "check.h"

typedef struct example {
  const char *network, *address;
  bool is_inside;
} example;

static const example examples[] = {
    {"127.0.0.1", "127.0.0.1", true},
    {"127.0.0.1", "127.0.0.2", false},
    {"127.0.0.1", "::ffff:127.0.0.1", true}, /* as a socket that takes both writes it */
    {"::ffff:127.0.0.1", "127.0.0.1", true},
    {"10.0.0.0/8", "10.255.0.1", true},
    {"10.0.0.0/8", "11.0.0.1", false},
    {"10.1.2.3/8", "10.9.9.9", true},
    {"172.16.0.0/12", "172.31.255.255", true},
    {"172.16.0.0/12", "172.32.0.0", false},
    {"0.0.0.0/0", "1.2.3.4", true},
    {"0.0.0.0/0", "2001:db8::1", false},
    {"1.2.3.4/32", "1.2.3.4", true},
    {"1.2.3.4/31", "1.2.3.5", true},
    {"1.2.3.4/31", "1.2.3.6", false},
    {"::/0", "2001:db8::1", true},
    {"::/0", "1.2.3.4", true},
    {"2001:db8::/32", "2001:db8:ffff::1", true},
    {"2001:db8::/32", "2001:db9::1", false},
    {"2001:db8::/33", "2001:db8:8000::1", false},
    {"::1", "::1", true},
    {"::1/128", "::2", false},
    {"::1", "unix:", false},
    {"::1", "", false},
    {"0.0.0.0/0", "127.0.0.1:80", false},
};

static void finds_what_is_inside(void) {
  for (size_t i = 0; i < sizeof examples / sizeof examples[0]; i++) {
    const example *is = &examples[i];
    tg_network network;
    check_case("%s in %s", is->address, is->network);
    CHECK(tg_network_parse(&network, tg_text_of(is->network)));
    CHECK(tg_network_contains(&network, tg_text_of(is->address)) == is->is_inside);
  }
  check_case(NULL);
}

static void refuses_what_is_no_range(void) {
  static const char *const texts[] = {
      "",           "10.0.0.0/33",
      "10.0.0.0/",  "10.0.0.0/-1",
      "10.0.0/8",   "::/129",
      "[::1]",      "host",
      "/8",         "1.2.3.4/8x",
      "1.2.3.4/ 8", "unix:",
      "1.2.3.4 ",   "00000000000000000000000000000000000000000000000000000000000000000"};
  tg_network network;
  for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
    check_case("%s", texts[i]);
    CHECK(!tg_network_parse(&network, tg_text_of(texts[i])));
  }
  check_case(NULL);
  CHECK(!tg_network_parse(&network, TG_TEXT("1.2.3.4\0/8")));
}

int main(void) {
  finds_what_is_inside();
  refuses_what_is_no_range();
  return check_result();
}
