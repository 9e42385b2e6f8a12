/* The head of a part of a multipart body (RFC 2046 section 5.1): its header lines, checked. */
#ifndef TG_PROTO_PART_HEAD_H
#define TG_PROTO_PART_HEAD_H

#include "proto/head.h"

/* Reads whole lines, the empty one at the end included, into the fields of `head`, which is empty. NULL when they are
   fine, else what is wrong. A name must be a token; a value has no control character but tabs; no line is folded (a
   continued line is obsolete in HTTP, and servers disagree about it).
   Fields point into `lines`. */
const char *tg_part_head_parse(tg_head *head, tg_text lines, tg_arena *arena);

/* What is wrong with the fields of a part of a form (RFC 7578 section 4), or NULL: Content-Disposition or Content-Type
   come twice; a Content-Transfer-Encoding would need to be decoded, which only some servers do (section 4.7). */
const char *tg_part_head_check(const tg_head *head);

#endif
