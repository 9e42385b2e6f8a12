#include "http/client_address.h"
#include "check.h"
#include "io/address.h"
#include "proto/forwarded.h"

#include <stdio.h>

typedef struct example {
  const char *peer;
  const char *usual, *second, *forwarded; /* X-Forwarded-For, again, Forwarded; NULL for none */
  const char *client;                     /* NULL: the peer */
} example;

#define NEAR "10.0.0.1:4000"
#define FAR "192.0.2.9:4000"

static const example examples[] = {
    /* nobody that is not trusted is believed */
    {FAR, "1.2.3.4", NULL, NULL, NULL},
    {FAR, "10.0.0.2", NULL, "for=1.2.3.4", NULL},
    {NEAR, NULL, NULL, NULL, NULL},
    {NEAR, "", NULL, NULL, NULL},
    {NEAR, " , ,", NULL, NULL, NULL},
    /* the nearest that is not trusted */
    {NEAR, "1.2.3.4", NULL, NULL, "1.2.3.4"},
    {NEAR, " 1.2.3.4 ", NULL, NULL, "1.2.3.4"},
    {NEAR, "6.6.6.6, 1.2.3.4", NULL, NULL, "1.2.3.4"},
    {NEAR, "6.6.6.6,1.2.3.4,10.0.0.7,10.0.0.8", NULL, NULL, "1.2.3.4"},
    {NEAR, "6.6.6.6", "1.2.3.4, 10.0.0.7", NULL, "1.2.3.4"},
    {NEAR, "1.2.3.4", "10.0.0.7", NULL, "1.2.3.4"},
    {NEAR, "10.0.0.6, 10.0.0.7", NULL, NULL, "10.0.0.6"}, /* all are ours */
    {NEAR, "1.2.3.4,", NULL, NULL, "1.2.3.4"},
    /* what is no address ends the way */
    {NEAR, "garbage", NULL, NULL, NULL},
    {NEAR, "1.2.3.4, garbage", NULL, NULL, NULL},
    {NEAR, "1.2.3.4, garbage, 10.0.0.7", NULL, NULL, "10.0.0.7"},
    {NEAR, "1.2.3.4:http", NULL, NULL, NULL},
    {NEAR, "1.2.3.4:99999", NULL, NULL, NULL},
    {NEAR, "1.2.3.4/8", NULL, NULL, NULL},
    {NEAR, "1.2.3", NULL, NULL, NULL},
    {NEAR, "<script>", NULL, NULL, NULL},
    {NEAR, "[::1", NULL, NULL, NULL},
    {NEAR, "[::1]x", NULL, NULL, NULL},
    {NEAR, "[]", NULL, NULL, NULL},
    /* ports and IPv6 */
    {NEAR, "1.2.3.4:80", NULL, NULL, "1.2.3.4:80"},
    {NEAR, "2001:db8::1", NULL, NULL, "2001:db8::1"},
    {NEAR, "[2001:db8::1]", NULL, NULL, "2001:db8::1"},
    {NEAR, "[2001:db8::1]:80", NULL, NULL, "[2001:db8::1]:80"},
    {NEAR, "::ffff:10.0.0.3", NULL, NULL, "::ffff:10.0.0.3"},
    {"[fd00::1]:99", "1.2.3.4, fd00::2", NULL, NULL, "1.2.3.4"},
    {"[::ffff:10.0.0.1]:99", "1.2.3.4", NULL, NULL, "1.2.3.4"},
    {"unix:", "1.2.3.4", NULL, NULL, "1.2.3.4"},
    {"unix:/run/x", "1.2.3.4", NULL, NULL, "1.2.3.4"},
    /* Forwarded, where there is no X-Forwarded-For */
    {NEAR, NULL, NULL, "for=1.2.3.4", "1.2.3.4"},
    {NEAR, NULL, NULL, "For=\"1.2.3.4:80\"; proto=https", "1.2.3.4:80"},
    {NEAR, NULL, NULL, "proto=http;by=10.0.0.1;for=1.2.3.4", "1.2.3.4"},
    {NEAR, NULL, NULL, "for=6.6.6.6, for=\"[2001:db8:cafe::17]:4711\"", "[2001:db8:cafe::17]:4711"},
    {NEAR, NULL, NULL, "for=1.2.3.4, for=10.0.0.7;by=x", "1.2.3.4"},
    {NEAR, NULL, NULL, "for=1.2.3.4, for=_gateway", "_gateway"},
    {NEAR, NULL, NULL, "for=\"_hidden:_port\"", "_hidden:_port"},
    {NEAR, NULL, NULL, "for=unknown", "unknown"},
    {NEAR, NULL, NULL, "for=6.6.6.6, host=\"a, for=7.7.7.7\";for=1.2.3.4", "1.2.3.4"},
    {NEAR, NULL, NULL, "host=\"a\\\", for=7.7.7.7\";for=1.2.3.4", "1.2.3.4"},
    {NEAR, NULL, NULL, "for=1.2.3.4, proto=https", NULL},
    {NEAR, NULL, NULL, "for=\"1.2.3.4", NULL},
    {NEAR, NULL, NULL, "for=", NULL},
    {NEAR, NULL, NULL, ";;=,=;", NULL},
    {NEAR, "1.2.3.4", NULL, "for=5.5.5.5", "1.2.3.4"},
};

static void add(tg_head *head, tg_arena *arena, const char *name, const char *value) {
  if (value == NULL) return;
  tg_field *field = tg_head_add_field(head, arena);
  field->name = tg_text_of(name);
  field->value = tg_text_of(value);
}

static void check_example(const tg_trusted_proxies *trusted, const example *is) {
  char first_bytes[512], text[TG_ADDRESS_TEXT_BYTES] = "";
  tg_arena arena;
  tg_head head = {0};
  tg_arena_init(&arena, first_bytes, sizeof first_bytes);
  add(&head, &arena, "x-forwarded-for", is->usual);
  add(&head, &arena, "X-Forwarded-For", is->second);
  add(&head, &arena, "Forwarded", is->forwarded);
  bool found = tg_client_address(trusted, &head, is->peer, text, sizeof text);
  CHECK(found == (is->client != NULL));
  if (is->client != NULL) CHECK_TEXT(tg_text_of(text), tg_text_of(is->client));
  tg_arena_free(&arena);
}

static void finds_the_client(void) {
  tg_network networks[2];
  CHECK(tg_network_parse(&networks[0], TG_TEXT("10.0.0.0/8")) && tg_network_parse(&networks[1], TG_TEXT("fd00::/8")));
  const tg_trusted_proxies trusted = {networks, 2, true}, nobody = {0};
  for (size_t i = 0; i < sizeof examples / sizeof examples[0]; i++) {
    example stranger = examples[i];
    check_example(&trusted, &examples[i]);
    stranger.client = NULL;
    check_example(&nobody, &stranger);
  }
}

/* A field of any length costs no more than its last hops. */
static void looks_at_the_last_hops_only(void) {
  static char value[16000];
  char first_bytes[512];
  size_t size = 0;
  tg_arena arena;
  tg_head head = {0};
  tg_hop hops[TG_HOPS_MAX];
  while (size < sizeof value - 20) size += (size_t)snprintf(value + size, 20, "10.0.%zu.1,", size % 256);
  snprintf(value + size, 20, "1.2.3.4");
  tg_arena_init(&arena, first_bytes, sizeof first_bytes);
  add(&head, &arena, "X-Forwarded-For", value);
  CHECK_NUMBER(tg_forwarded_hops(&head, hops), TG_HOPS_MAX);
  CHECK_TEXT(hops[TG_HOPS_MAX - 1].host, TG_TEXT("1.2.3.4"));
  tg_arena_free(&arena);
}

int main(void) {
  finds_the_client();
  looks_at_the_last_hops_only();
  return check_result();
}
