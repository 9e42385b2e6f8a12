#include "io/address.h"
#include "check.h"

#include <netinet/in.h>

static void reads_and_writes(void) {
  static const struct {
    const char *text, *written; /* NULL: as it was read */
  } cases[] = {
      {"127.0.0.1:8000", NULL},
      {"0.0.0.0:0", NULL},
      {"255.255.255.255:65535", NULL},
      {"[::1]:8000", NULL},
      {"[2001:db8::7]:80", NULL},
      {"[0:0:0:0:0:0:0:1]:1", "[::1]:1"},
      {"[::]:80", NULL},
      {"localhost:9", "127.0.0.1:9"},
      {"LocalHost:9", "127.0.0.1:9"},
      {"127.0.0.1:08", "127.0.0.1:8"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    tg_address address;
    char written[TG_ADDRESS_TEXT_BYTES] = "";
    check_case("%s", cases[i].text);
    if (!CHECK(tg_address_parse(&address, tg_text_of(cases[i].text)))) continue;
    CHECK_STRING(address.path, "");
    tg_address_text((struct sockaddr *)&address.storage, written, sizeof written);
    CHECK_STRING(written, cases[i].written != NULL ? cases[i].written : cases[i].text);
  }
  check_case(NULL);
}

static void refuses(void) {
  static const char *const cases[] = {
      "",
      ":",
      "8000",
      ":8000",
      "127.0.0.1",
      "127.0.0.1:",
      "127.0.0.1:65536",
      "1.2.3:1",
      "127.0.0.1:x",
      "1.2.3.4:-1",
      "1.2.3.4: 80",
      "1.2.3.4 :80",
      "256.0.0.1:80",
      "::1:80",
      "[::1]",
      "[::1:80",
      "[]:80",
      "[::g]:80",
      "example.com:80",
      "localhost",
      "unix:",
      "[::1]80",
      "unix",
      "1.2.3.4:80/x",
      "1.2.3.4:80\n",
      "[127.0.0.1:80",
      "http://1.2.3.4:80",
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    tg_address address;
    check_case("%s", cases[i]);
    CHECK(!tg_address_parse(&address, tg_text_of(cases[i])));
  }
  check_case(NULL);
  tg_address address;
  CHECK(!tg_address_parse(&address, (tg_text){NULL, 0}));
}

static void reads_unix_paths(void) {
  tg_address address;
  char text[200] = "unix:";
  CHECK(tg_address_parse(&address, TG_TEXT("unix:/run/tidegate.sock")));
  CHECK_STRING(address.path, "/run/tidegate.sock");
  CHECK_NUMBER(address.storage.ss_family, AF_UNIX);
  memset(text + 5, 'p', sizeof text - 5);
  CHECK(tg_address_parse(&address, (tg_text){text, 5 + sizeof address.path - 1}));
  CHECK_NUMBER(strlen(address.path), sizeof address.path - 1);
  CHECK(!tg_address_parse(&address, (tg_text){text, 5 + sizeof address.path}));
}

/* A host that is longer than any address must not run over the place where it is copied. */
static void refuses_long_hosts(void) {
  char text[600];
  memset(text, '1', sizeof text);
  for (size_t size = 40; size < sizeof text; size++) {
    tg_address address;
    memcpy(text + size - 3, ":80", 3);
    CHECK(!tg_address_parse(&address, (tg_text){text, size}));
    memset(text, '1', sizeof text);
  }
}

static void takes_numeric_hosts_only(void) {
  tg_address address;
  CHECK(tg_address_from_host(&address, "::1", 80));
  CHECK_NUMBER(address.storage.ss_family, AF_INET6);
  CHECK_NUMBER(ntohs(((struct sockaddr_in6 *)&address.storage)->sin6_port), 80);
  CHECK(tg_address_from_host(&address, "10.1.2.3", 65535));
  CHECK_NUMBER(ntohs(((struct sockaddr_in *)&address.storage)->sin_port), 65535);
  CHECK(!tg_address_from_host(&address, "localhost", 80));
  CHECK(!tg_address_from_host(&address, "", 80));
  CHECK(!tg_address_from_host(&address, "[::1]", 80));
}

int main(void) {
  reads_and_writes();
  refuses();
  reads_unix_paths();
  refuses_long_hosts();
  takes_numeric_hosts_only();
  return check_result();
}
