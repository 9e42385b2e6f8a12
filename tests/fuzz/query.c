/* Queries and forms: pairs are what a second, slower reader finds, and encoding them again gives the same pairs. */
#include "proto/percent.h"
#include "support/input.h"

/* --- a second reader: splits at every "&", and each piece at its first "=" --- */

typedef struct reference {
  tg_text rest;
  bool ended;
} reference;

static bool next_piece(reference *is, tg_text *piece) {
  if (is->ended) return false;
  size_t size = 0;
  while (size < is->rest.size && is->rest.data[size] != '&') size++;
  *piece = (tg_text){is->rest.data, size};
  is->ended = size == is->rest.size;
  if (!is->ended) is->rest = (tg_text){is->rest.data + size + 1, is->rest.size - size - 1};
  return true;
}

static bool next_pair(reference *is, tg_text *key, tg_text *value) {
  tg_text piece;
  do {
    if (!next_piece(is, &piece)) return false;
  } while (piece.size == 0);
  size_t size = 0;
  while (size < piece.size && piece.data[size] != '=') size++;
  *key = (tg_text){piece.data, size};
  *value = size < piece.size ? (tg_text){piece.data + size + 1, piece.size - size - 1} : (tg_text){"", 0};
  return true;
}

/* --- decoding --- */

/* Where it decodes, encoding gives text that decodes to the same, with and without "+". */
static void check_round_trip(tg_text coded, bool plus) {
  tg_buffer plain = {0}, again = {0}, once_more = {0};
  if (tg_percent_decode(&plain, coded, plus)) {
    FUZZ_CHECK(tg_buffer_size(&plain) <= coded.size);
    tg_percent_encode(&again, tg_buffer_text(&plain));
    FUZZ_CHECK(tg_percent_decode(&once_more, tg_buffer_text(&again), true));
    FUZZ_CHECK_TEXT(tg_buffer_text(&once_more), tg_buffer_text(&plain));
  } else {
    FUZZ_CHECK(memchr(coded.data, '%', coded.size) != NULL);
  }
  tg_buffer_free(&plain);
  tg_buffer_free(&again);
  tg_buffer_free(&once_more);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
  tg_text rest = {(const char *)bytes, size}, key, value, expected_key, expected_value;
  reference second = {.rest = rest};
  while (tg_query_next(&rest, &key, &value)) {
    FUZZ_CHECK(next_pair(&second, &expected_key, &expected_value));
    FUZZ_CHECK_TEXT(key, expected_key);
    FUZZ_CHECK_TEXT(value, expected_value);
    check_round_trip(key, true);
    check_round_trip(value, false);
  }
  FUZZ_CHECK(!next_pair(&second, &expected_key, &expected_value));
  return 0;
}
