/* A request's target (RFC 9112 section 3.2): taken apart and normalised once, so that what is routed, logged and
   forwarded is one and the same string. */
#ifndef TG_PROTO_TARGET_H
#define TG_PROTO_TARGET_H

#include "base/arena.h"

typedef struct tg_target {
  tg_text path;      /* normalised, still percent-encoded, begins with "/"; "*" for OPTIONS * */
  tg_text query;     /* what follows "?", as it was sent; data is NULL without a "?" */
  tg_text authority; /* of the absolute form, which Host must equal. data is NULL in the other forms */
} tg_target;

/* How a path may be normalised further than the standard does. */
enum { TG_PATH_MERGE_SLASHES = 1 /* several slashes in a row become one, before dot segments are resolved */ };

/* Reads a target in origin-form, absolute-form or asterisk-form. NULL when it is fine, else a sentence that says
   what is wrong with it (400). Slices point into `text` or the arena. */
const char *tg_target_parse(tg_target *target, tg_text method, tg_text text, unsigned rules, tg_arena *arena);

/* Normalises a path (RFC 3986 section 6.2.2): needless percent-encoding undone, hex digits in upper case, bytes that
   may not stand in a path encoded, dot segments resolved. Encoded slashes stay, doubled ones too where no rule merges them. NULL when it is
   fine, else what is wrong: a way above the root, bad percent-encoding, control bytes, bad UTF-8. */
const char *tg_path_normalize(tg_text path, unsigned rules, tg_arena *arena, tg_text *normal);

#endif
