#include "proto/accept.h"

enum { UNSAID = -1, WEIGHT_MAX = 1000 };

/* The best first. */
static const tg_coding preference[] = {TG_CODING_ZSTD, TG_CODING_BR, TG_CODING_GZIP, TG_CODING_DEFLATE,
                                       TG_CODING_IDENTITY};

/* --- weights --- */

/* "1", "0.25", "1.000": RFC 9110 section 12.4.2 */
static int read_weight(tg_text text) {
  if (text.size == 0 || text.size > 5 || (text.data[0] != '0' && text.data[0] != '1')) return -1;
  int weight = (text.data[0] - '0') * WEIGHT_MAX;
  if (text.size > 1 && text.data[1] != '.') return -1;
  int unit = 100;
  for (size_t i = 2; i < text.size; i++) {
    if (text.data[i] < '0' || text.data[i] > '9') return -1;
    weight += (text.data[i] - '0') * unit;
    unit /= 10;
  }
  return weight <= WEIGHT_MAX ? weight : -1;
}

int tg_accept_weight(tg_text element, tg_text *value) {
  const char *semicolon = element.size > 0 ? memchr(element.data, ';', element.size) : NULL;
  *value = element;
  if (semicolon == NULL) return WEIGHT_MAX;
  size_t size = (size_t)(semicolon - element.data);
  *value = tg_text_trim((tg_text){element.data, size});
  tg_text parameter = tg_text_trim((tg_text){semicolon + 1, element.size - size - 1});
  if (parameter.size < 2 || (parameter.data[0] | 0x20) != 'q' || parameter.data[1] != '=') return -1;
  return read_weight((tg_text){parameter.data + 2, parameter.size - 2});
}

/* --- the field --- */

typedef struct wishes {
  int weights[TG_CODING_COUNT]; /* UNSAID for one that was not named */
  int others;                   /* the weight of "*" */
} wishes;

static void lower(int *weight, int to) {
  if (*weight == UNSAID || to < *weight) *weight = to;
}

static wishes read_wishes(tg_text field) {
  wishes is = {.others = UNSAID};
  tg_text element, name;
  for (unsigned i = 0; i < TG_CODING_COUNT; i++) is.weights[i] = UNSAID;
  while (tg_text_next_item(&field, &element)) {
    tg_coding coding;
    int weight = tg_accept_weight(element, &name);
    if (weight < 0) continue;
    if (tg_text_equal(name, TG_TEXT("*"))) lower(&is.others, weight);
    else if (tg_coding_find(name, &coding)) lower(&is.weights[coding], weight);
  }
  return is;
}

/* In thousandths, doubled: an identity that was not named is acceptable, and liked less than anything that was. */
static int liking(const wishes *is, tg_coding coding) {
  int weight = is->weights[coding] != UNSAID ? is->weights[coding] : is->others;
  if (weight != UNSAID) return weight * 2;
  return coding == TG_CODING_IDENTITY ? 1 : 0;
}

bool tg_accept_coding(tg_text field, unsigned offered, tg_coding *coding) {
  wishes is = read_wishes(field);
  int best = 0;
  *coding = TG_CODING_IDENTITY;
  offered |= 1u << TG_CODING_IDENTITY;
  for (unsigned i = 0; i < sizeof preference / sizeof preference[0]; i++) {
    if ((offered & 1u << preference[i]) == 0 || liking(&is, preference[i]) <= best) continue;
    best = liking(&is, preference[i]);
    *coding = preference[i];
  }
  return best > 0;
}
