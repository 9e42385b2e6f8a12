/* The parameters behind a field's value (RFC 9110 section 5.6.6): `form-data; name="a b"; size=1`. */
#ifndef TG_PROTO_PARAMETERS_H
#define TG_PROTO_PARAMETERS_H

#include "base/text.h"

typedef struct tg_parameter {
  tg_text name;  /* a token; names compare without regard to case */
  tg_text value; /* a token, or what stands between quotes, escapes and all */
  bool quoted;   /* it stood between quotes */
} tg_parameter;

typedef enum tg_parameter_result {
  TG_PARAMETER,
  TG_PARAMETERS_END,
  TG_PARAMETERS_BAD, /* what follows is no parameter */
} tg_parameter_result;

/* Takes what stands before the first semicolon off a field's value, trimmed. */
tg_text tg_parameters_begin(tg_text *rest);

/* Takes the next parameter off. Within quotes a backslash escapes a quote or a backslash, and before anything else
   stands for itself, as it does in the names of files that browsers send. */
tg_parameter_result tg_parameter_next(tg_text *rest, tg_parameter *parameter);

#endif
