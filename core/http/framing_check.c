#include "http/framing_check.h"

static const tg_refusal fine = {0, NULL};

static tg_refusal bad(const char *detail) {
  return (tg_refusal){400, detail};
}

static tg_refusal check_version(const tg_head *head) {
  if (head->major == 1 && head->minor <= 1) return fine;
  return (tg_refusal){505, "only HTTP/1.0 and HTTP/1.1 are supported"};
}

static bool is_list_of_tokens(tg_text list) {
  tg_text element;
  while (tg_text_next_element(&list, &element)) {
    if (!tg_text_is_token(element)) return false;
  }
  return true;
}

/* RFC 9112 section 6.1. llhttp has refused Content-Length beside Transfer-Encoding, unless the latter is empty. */
static tg_refusal check_coding(const tg_head *head) {
  const tg_field *coding = tg_head_find(head, TG_TEXT("Transfer-Encoding"), NULL);
  if (coding == NULL) return fine;
  if (head->minor == 0) return bad("Transfer-Encoding in HTTP/1.0");
  if (tg_head_find(head, TG_TEXT("Transfer-Encoding"), coding) != NULL) return bad("two Transfer-Encoding fields");
  if (tg_head_find(head, TG_TEXT("Content-Length"), NULL) != NULL) return bad("Content-Length and Transfer-Encoding");
  if (tg_text_equal_nocase(coding->value, TG_TEXT("chunked"))) return fine;
  bool ends_chunked = tg_head_has_element(head, TG_TEXT("Transfer-Encoding"), TG_TEXT("chunked")) && head->chunked;
  if (!ends_chunked || !is_list_of_tokens(coding->value)) return bad("Transfer-Encoding does not end in chunked");
  return (tg_refusal){501, "the only transfer coding that is supported is chunked"};
}

tg_refusal tg_framing_check(const tg_head *head) {
  tg_refusal refusal = check_version(head);
  return refusal.status == 0 ? check_coding(head) : refusal;
}
