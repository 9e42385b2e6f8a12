#include "proto/forwarded.h"

static bool is_in(char c, const char *more) {
  bool alphanumeric = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  return alphanumeric || (c != '\0' && strchr(more, c) != NULL);
}

static bool consists_of(tg_text text, const char *more) {
  for (size_t i = 0; i < text.size; i++) {
    if (!is_in(text.data[i], more)) return false;
  }
  return text.size > 0;
}

static bool is_obfuscated(tg_text text) {
  return text.size > 1 && text.data[0] == '_' && consists_of(text, "._-");
}

static bool is_host(tg_text text) {
  if (is_obfuscated(text) || tg_text_equal_nocase(text, TG_TEXT("unknown"))) return true;
  return consists_of(text, ".:") && text.data[0] != '.';
}

static bool is_port(tg_text text) {
  if (is_obfuscated(text)) return true;
  long long number = tg_text_to_number(text);
  return text.size <= 5 && number >= 0 && number <= 65535;
}

static tg_text from(tg_text text, size_t first) {
  return (tg_text){text.data + first, text.size - first};
}

static tg_text unquote(tg_text text) {
  text = tg_text_trim(text);
  if (text.size < 2 || text.data[0] != '"' || text.data[text.size - 1] != '"') return text;
  return (tg_text){text.data + 1, text.size - 2};
}

/* Where host and port part; false where the text is neither. The port keeps its colon. */
static bool part(tg_text text, tg_text *host, tg_text *port) {
  const char *bracket = text.size > 0 && text.data[0] == '[' ? memchr(text.data, ']', text.size) : NULL;
  const char *first = text.size > 0 ? memchr(text.data, ':', text.size) : NULL;
  const char *last = text.size > 0 ? memrchr(text.data, ':', text.size) : NULL;
  *port = (tg_text){NULL, 0};
  *host = text;
  if (bracket != NULL) {
    *host = (tg_text){text.data + 1, (size_t)(bracket - text.data) - 1};
    *port = from(text, (size_t)(bracket - text.data) + 1);
    return port->size == 0 || port->data[0] == ':';
  }
  if (first == NULL || first != last) return true; /* IPv6 without brackets has no port */
  *host = (tg_text){text.data, (size_t)(first - text.data)};
  *port = from(text, host->size);
  return true;
}

tg_hop tg_hop_parse(tg_text text) {
  tg_hop hop = {.host = {NULL, 0}};
  tg_text host, port;
  if (!part(unquote(text), &host, &port) || !is_host(host)) return hop;
  if (port.size > 0) port = from(port, 1);
  if (port.data != NULL && port.size > 0 && !is_port(port)) return hop;
  hop.host = host;
  if (port.size > 0) hop.port = port;
  return hop;
}

/* What is left of a text in parts. Where it is plain a quote is a character like any other: only Forwarded has strings in
   quotes. */
typedef struct parts {
  tg_text rest;
  bool is_plain;
} parts;

static bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

/* Where the string ends whose quote is at `at`: behind a `=`, and before a divider or the end (RFC 7239 section 4). Any
   other quote is plain, and 0 is the answer: what a client leaves open swallows nothing that a proxy has added, since the
   first quote of that has a `=` before it and something behind it. */
static size_t end_of_string(tg_text text, size_t at) {
  size_t i = at + 1;
  if (at == 0 || text.data[at - 1] != '=') return 0;
  for (; i < text.size && text.data[i] != '"'; i++) {
    if (text.data[i] == '\\') i++;
  }
  if (i >= text.size) return 0;
  size_t next = i + 1;
  while (next < text.size && is_blank(text.data[next])) next++;
  return next == text.size || text.data[next] == ',' || text.data[next] == ';' ? i : 0;
}

/* Where the first divider outside of strings is, or the end. */
static size_t find_divider(parts *of, char divider) {
  tg_text text = of->rest;
  for (size_t i = 0; i < text.size; i++) {
    if (text.data[i] == divider) return i;
    if (text.data[i] != '"' || of->is_plain) continue;
    size_t end = end_of_string(text, i);
    if (end > 0) i = end;
  }
  return text.size;
}

/* Takes what stands before the next divider; false at the end. */
static bool next_part(parts *of, char divider, tg_text *found) {
  if (of->rest.data == NULL) return false;
  size_t size = find_divider(of, divider);
  *found = (tg_text){of->rest.data, size};
  of->rest = size < of->rest.size ? from(of->rest, size + 1) : (tg_text){NULL, 0};
  return true;
}

tg_text tg_forwarded_parameter(tg_text element, tg_text name) {
  parts of = {element, false};
  tg_text pair;
  while (next_part(&of, ';', &pair)) {
    const char *equals = pair.size > 0 ? memchr(pair.data, '=', pair.size) : NULL;
    if (equals == NULL) continue;
    tg_text found = tg_text_trim((tg_text){pair.data, (size_t)(equals - pair.data)});
    if (tg_text_equal_nocase(found, name)) return unquote(from(pair, (size_t)(equals - pair.data) + 1));
  }
  return (tg_text){NULL, 0};
}

static tg_hop parse_element(tg_text element) {
  tg_text said = tg_forwarded_parameter(element, TG_TEXT("for"));
  tg_hop hop = tg_hop_parse(said);
  if (hop.host.size == 0 && said.size > 0) hop.host = TG_TEXT("unknown"); /* somebody it was, but not the proxy */
  hop.element = element;
  return hop;
}

typedef tg_hop read_hop(tg_text element);

/* Reads the elements of all fields of the name behind the first `skipped` into hops; how many elements there are. */
static unsigned read_elements(const tg_head *head, tg_text name, unsigned skipped, read_hop *read, tg_hop *hops) {
  unsigned count = 0;
  const tg_field *field = NULL;
  while ((field = tg_head_find(head, name, field)) != NULL) {
    parts of = {field->value, read == tg_hop_parse};
    tg_text element;
    while (next_part(&of, ',', &element)) {
      if (tg_text_trim(element).size == 0) continue; /* RFC 9110 section 5.6.1 */
      if (hops != NULL && count >= skipped) hops[count - skipped] = read(element);
      count++;
    }
  }
  return count;
}

static unsigned last_elements(const tg_head *head, tg_text name, read_hop *read, tg_hop *hops) {
  unsigned count = read_elements(head, name, 0, read, NULL);
  unsigned skipped = count > TG_HOPS_MAX ? count - TG_HOPS_MAX : 0;
  read_elements(head, name, skipped, read, hops);
  return count - skipped;
}

tg_text tg_forwarded_element(const tg_head *head, tg_text name, unsigned from_end) {
  tg_text kept[TG_HOPS_MAX] = {{NULL, 0}}; /* the last ones, in a ring */
  unsigned count = 0;
  const tg_field *field = NULL;
  while ((field = tg_head_find(head, name, field)) != NULL) {
    tg_text rest = field->value, element;
    while (tg_text_next_item(&rest, &element)) kept[count++ % TG_HOPS_MAX] = element;
  }
  unsigned known = count < TG_HOPS_MAX ? count : TG_HOPS_MAX;
  if (known == 0) return (tg_text){NULL, 0};
  unsigned back = from_end < known ? from_end : known - 1;
  return kept[(count - 1 - back) % TG_HOPS_MAX];
}

unsigned tg_forwarded_hops(const tg_head *head, tg_hop hops[TG_HOPS_MAX]) {
  tg_text usual = TG_TEXT("X-Forwarded-For");
  if (tg_head_find(head, usual, NULL) != NULL) return last_elements(head, usual, tg_hop_parse, hops);
  return last_elements(head, TG_TEXT("Forwarded"), parse_element, hops);
}
