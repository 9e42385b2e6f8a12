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
    /* a quote is a character of it, whoever has left it open */
    {NEAR, "\"x, 1.2.3.4", NULL, NULL, "1.2.3.4"},
    {NEAR, "\"x\", \", 1.2.3.4, 10.0.0.7", NULL, NULL, "1.2.3.4"},
    {NEAR, "\"", "1.2.3.4", NULL, "1.2.3.4"},
    {NEAR, "\"1.2.3.4\"", NULL, NULL, "1.2.3.4"},
    /* ports and IPv6 */
    {NEAR, "1.2.3.4:80", NULL, NULL, "1.2.3.4:80"},
    {NEAR, "2001:db8::1", NULL, NULL, "2001:db8::1"},
    {NEAR, "[2001:db8::1]", NULL, NULL, "2001:db8::1"},
    {NEAR, "[2001:db8::1]:80", NULL, NULL, "[2001:db8::1]:80"},
    {NEAR, "::ffff:10.0.0.3", NULL, NULL, "10.0.0.3"},
    /* each address has one text */
    {NEAR, "::ffff:1.2.3.4", NULL, NULL, "1.2.3.4"},
    {NEAR, "[::FFFF:102:304]:80", NULL, NULL, "1.2.3.4:80"},
    {NEAR, "6.6.6.6, 1.2.3.4, ::ffff:10.0.0.3", NULL, NULL, "1.2.3.4"},
    {NEAR, "2001:DB8:0:0::01", NULL, NULL, "2001:db8::1"},
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
    {NEAR, NULL, NULL, "for=\"1.2.3.4", "unknown"},
    {NEAR, NULL, NULL, "for=1.2.3", NULL},
    {NEAR, NULL, NULL, "for=\"x, for=1.2.3.4", "1.2.3.4"},
    {NEAR, NULL, NULL, "for=\"x\\, for=1.2.3.4", "1.2.3.4"},
    {NEAR, NULL, NULL, "host=\", for=1.2.3.4, for=10.0.0.7", "1.2.3.4"},
    {NEAR, NULL, NULL, "for=\"x, for=\"[2001:db8::1]\"", "2001:db8::1"},
    {NEAR, NULL, NULL, "for=6.6.6.6;x=\"y, for=\"[2001:db8::7]\"", "2001:db8::7"},
    {NEAR, NULL, NULL, "for=6.6.6.6;x=\", for=\"[2001:db8::7]\";proto=https", "2001:db8::7"},
    {NEAR, NULL, NULL, "for=6.6.6.6;x=\"a, for=1.2.3.4;host=\"good\"", "1.2.3.4"},
    {NEAR, NULL, NULL, "for=6.6.6.6;x=\"a, for=1.2.3.4;by=\"\";host=good", "1.2.3.4"},
    {NEAR, NULL, NULL, "for=6.6.6.6;x=\"a\\, for=\"[2001:db8::7]\"", "2001:db8::7"},
    {NEAR, NULL, NULL, "for=6.6.6.6;x=\"a\" b, for=1.2.3.4", "1.2.3.4"},
    {NEAR, NULL, NULL, "\"x, for=1.2.3.4\"", "unknown"}, /* no string, as no `=` is before it */
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

static tg_peer peer_of(const char *text) {
  tg_address address;
  if (strncmp(text, "unix:", 5) == 0) return (tg_peer){.kind = TG_PEER_UNIX};
  CHECK(tg_address_parse(&address, tg_text_of(text)));
  return tg_peer_of((struct sockaddr *)&address.storage);
}

static void check_example(const tg_trusted_proxies *trusted, const example *is) {
  char first_bytes[512], text[TG_CLIENT_TEXT_BYTES] = "";
  tg_peer peer = peer_of(is->peer);
  tg_arena arena;
  tg_head head = {0};
  tg_arena_init(&arena, first_bytes, sizeof first_bytes);
  add(&head, &arena, "x-forwarded-for", is->usual);
  add(&head, &arena, "X-Forwarded-For", is->second);
  add(&head, &arena, "Forwarded", is->forwarded);
  bool found = tg_client_address(trusted, &head, &peer, text);
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

/* Quotes that are never closed cost one look. */
static void reads_open_quotes_once(void) {
  static char value[60001];
  char first_bytes[512];
  tg_arena arena;
  tg_head head = {0};
  tg_hop hops[TG_HOPS_MAX];
  for (size_t i = 0; i + 3 < sizeof value; i += 3) memcpy(value + i, i == 0 ? "\"\"," : "\\\",", 3);
  value[0] = 'x';
  tg_arena_init(&arena, first_bytes, sizeof first_bytes);
  add(&head, &arena, "Forwarded", value);
  CHECK_NUMBER(tg_forwarded_hops(&head, hops), TG_HOPS_MAX);
  tg_arena_free(&arena);
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

/* --- what else they say --- */

typedef struct claim {
  const char *usual, *proto, *host, *port, *forwarded; /* X-Forwarded-For, -Proto, -Host, -Port, Forwarded */
  const char *scheme, *shown;                          /* "" for none; host and port */
} claim;

static const claim claims[] = {
    {NULL, NULL, NULL, NULL, NULL, "", ""},
    {NULL, "https", NULL, NULL, NULL, "https", ""},
    {NULL, "HTTPS", NULL, NULL, NULL, "https", ""},
    {NULL, "http, https", NULL, NULL, NULL, "https", ""}, /* the nearest */
    {NULL, "javascript", NULL, NULL, NULL, "", ""},
    {NULL, "https://x", NULL, NULL, NULL, "", ""},
    {NULL, ",, ,", NULL, NULL, NULL, "", ""},
    {NULL, "\"x, https", "\"x, good", NULL, NULL, "https", "good"},
    {NULL, "https,", NULL, NULL, NULL, "https", ""},
    /* what the proxy said whom the client has met, as far as each one has said something */
    {"6.6.6.6, 1.2.3.4", "https, http", "evil, good", NULL, NULL, "http", "good"},
    {"6.6.6.6, 1.2.3.4, 10.0.0.7", "wrong, https, http", "evil, good, inner", NULL, NULL, "https", "good"},
    {"1.2.3.4, 10.0.0.7, 10.0.0.8", "https", "good", NULL, NULL, "https", "good"},
    /* hosts as Host may be, and ports */
    {NULL, NULL, "a b", NULL, NULL, "", ""},
    {NULL, NULL, "evil/x", NULL, NULL, "", ""},
    {NULL, NULL, "user@evil", NULL, NULL, "", ""},
    {NULL, NULL, "good:99999", NULL, NULL, "", ""},
    {NULL, NULL, "[::1]:81", "82", NULL, "", "[::1]:81"},
    {NULL, NULL, "[::1]", "82", NULL, "", "[::1]:82"},
    {NULL, "https", "good", "443", NULL, "https", "good"},
    {NULL, "https", "good", "8443", NULL, "https", "good:8443"},
    {NULL, "http", "good", "80", NULL, "http", "good"},
    {NULL, NULL, "good", "0", NULL, "", "good"},
    {NULL, NULL, "good", "-1", NULL, "", "good"},
    {NULL, NULL, "good", "65536", NULL, "", "good"},
    {NULL, NULL, "good", "8a", NULL, "", "good"},
    {NULL, NULL, NULL, "8080", NULL, "", ":8080"},
    /* Forwarded: of the same element as the client; beside X-Forwarded-For it is nobody's */
    {NULL, NULL, NULL, NULL, "for=1.2.3.4;proto=https;host=good", "https", "good"},
    {NULL, NULL, NULL, NULL, "for=6.6.6.6;proto=https;host=evil, for=1.2.3.4", "", ""},
    {NULL, NULL, NULL, NULL, "for=1.2.3.4;Proto=\"https\";HOST=\"good:81\", for=10.0.0.7;host=inner", "https",
     "good:81"},
    {NULL, NULL, NULL, NULL, "proto=https", "https", ""},
    {NULL, "http", "evil", "1", "proto=https;host=good", "https", "good"},
    {"1.2.3.4", "http", "good", NULL, "for=6.6.6.6;proto=https;host=evil", "http", "good"},
    {"1.2.3.4", NULL, NULL, NULL, "for=6.6.6.6;proto=https;host=evil", "", ""},
    {"", NULL, NULL, NULL, "for=6.6.6.6;proto=https;host=evil", "", ""},
};

static void check_claim(const tg_trusted_proxies *trusted, const claim *is, const char *from, bool believed) {
  char first_bytes[1024], shown[128];
  tg_arena arena;
  tg_head head = {0};
  tg_peer peer = peer_of(from);
  tg_arena_init(&arena, first_bytes, sizeof first_bytes);
  add(&head, &arena, "X-Forwarded-For", is->usual);
  add(&head, &arena, "X-Forwarded-Proto", is->proto);
  add(&head, &arena, "X-Forwarded-Host", is->host);
  add(&head, &arena, "X-Forwarded-Port", is->port);
  add(&head, &arena, "Forwarded", is->forwarded);
  tg_client_claims said = tg_client_claims_read(trusted, &head, &peer, TG_TEXT("own"));
  CHECK(said.is_trusted == believed);
  CHECK_TEXT(said.scheme, tg_text_of(believed ? is->scheme : ""));
  snprintf(shown, sizeof shown, "%.*s%s%.*s", (int)said.host.size, said.host.size > 0 ? said.host.data : "",
           said.port.size > 0 ? ":" : "", (int)said.port.size, said.port.size > 0 ? said.port.data : "");
  CHECK_STRING(shown, believed ? is->shown : "");
  tg_arena_free(&arena);
}

static void believes_the_trusted_only(void) {
  tg_network network;
  CHECK(tg_network_parse(&network, TG_TEXT("10.0.0.0/8")));
  const tg_trusted_proxies trusted = {&network, 1, false};
  for (size_t i = 0; i < sizeof claims / sizeof claims[0]; i++) {
    check_claim(&trusted, &claims[i], NEAR, true);
    check_claim(&trusted, &claims[i], "[::ffff:10.0.0.1]:4000", true);
    check_claim(&trusted, &claims[i], FAR, false);
    check_claim(&trusted, &claims[i], "unix:", false);
  }
}

static void check_id(const char *given, const char *again, const char *from, const char *expected) {
  char first_bytes[512];
  tg_arena arena;
  tg_head head = {0};
  tg_network network;
  tg_peer peer = peer_of(from);
  CHECK(tg_network_parse(&network, TG_TEXT("10.0.0.0/8")));
  const tg_trusted_proxies trusted = {&network, 1, false};
  tg_arena_init(&arena, first_bytes, sizeof first_bytes);
  add(&head, &arena, "x-request-id", given);
  add(&head, &arena, "X-Request-Id", again);
  CHECK_TEXT(tg_client_request_id(&trusted, &head, &peer), tg_text_of(expected));
  tg_arena_free(&arena);
}

static void takes_ids_of_the_trusted(void) {
  static const char *const wrong[] = {"", "a b", "a\"b", "a\tb", "a,b", "<x>", "a\x7f", "\xc3\xa9", "a\\b"};
  static const char *const good[] = {"a", "4f0c-11", "Root=1-5f84/x:y@z", "0123456789abcdef0123456789abcdef"};
  char longest[TG_REQUEST_ID_BYTES_MAX + 2];
  for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
    check_id(good[i], NULL, NEAR, good[i]);
    check_id(good[i], NULL, FAR, "");
    check_id(good[i], good[i], NEAR, "");
  }
  for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) check_id(wrong[i], NULL, NEAR, "");
  memset(longest, 'x', sizeof longest);
  longest[sizeof longest - 1] = '\0';
  check_id(longest, NULL, NEAR, "");
  longest[sizeof longest - 2] = '\0';
  check_id(longest, NULL, NEAR, longest);
}

int main(void) {
  believes_the_trusted_only();
  takes_ids_of_the_trusted();
  finds_the_client();
  reads_open_quotes_once();
  looks_at_the_last_hops_only();
  return check_result();
}
