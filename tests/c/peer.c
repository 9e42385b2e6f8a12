#include "io/peer.h"
#include "check.h"
#include "io/address.h"

static void has_one_text_for_each_address(void) {
  static const struct {
    const char *given, *whole, *address;
  } cases[] = {
      {"127.0.0.1:4711", "127.0.0.1:4711", "127.0.0.1"},
      {"[::ffff:127.0.0.1]:4711", "127.0.0.1:4711", "127.0.0.1"},
      {"[::1]:80", "[::1]:80", "::1"},
      {"[2001:DB8:0::1]:65535", "[2001:db8::1]:65535", "2001:db8::1"},
      {"[::]:0", "[::]:0", "::"},
      {"unix:/run/x", "unix:", "unix:"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    char whole[TG_PEER_BYTES], host[TG_PEER_BYTES];
    tg_address address;
    CHECK(tg_address_parse(&address, tg_text_of(cases[i].given)));
    tg_peer peer = tg_peer_of((struct sockaddr *)&address.storage);
    tg_peer_text(&peer, whole);
    tg_peer_address_text(&peer, host);
    CHECK_STRING(whole, cases[i].whole);
    CHECK_STRING(host, cases[i].address);
  }
}

static void may_be_unknown(void) {
  char text[TG_PEER_BYTES];
  struct sockaddr nobody = {.sa_family = AF_UNSPEC};
  tg_peer peer = tg_peer_of(&nobody);
  CHECK_NUMBER(peer.kind, TG_PEER_UNKNOWN);
  tg_peer_text(&peer, text);
  CHECK_STRING(text, "");
}

int main(void) {
  has_one_text_for_each_address();
  may_be_unknown();
  return check_result();
}
