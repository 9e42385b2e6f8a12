/* What llhttp lets through and a gateway must not (RFC 9112, and the cases in which two parsers could disagree). */
#ifndef TG_HTTP_REQUEST_CHECK_H
#define TG_HTTP_REQUEST_CHECK_H

#include "http/exchange.h"
#include "http/framing_check.h"

/* Checks a request's head, and fills in target, authority and continue_wanted. The rules are those of proto/target.h. */
tg_refusal tg_request_check(tg_exchange *exchange, unsigned path_rules);

/* Is it a host, perhaps with a port, as Host has it? */
bool tg_authority_is_valid(tg_text text);

#endif
