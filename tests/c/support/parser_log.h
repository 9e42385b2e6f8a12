/* What the HTTP/1.1 parser tells about some bytes, written down as lines of text:

     GET /path 1.1 length 5          a request's head; or "chunked", or neither
     200 1.1 length 5                a response's
     Name: value                     its fields
     body hello                      its body, in one line however it came
     end keep-alive                  or "end close", behind which nothing more is read
     error 431                       the bytes are refused
     more                            a message has begun and not ended */
#ifndef TESTS_PARSER_LOG_H
#define TESTS_PARSER_LOG_H

#include "base/buffer.h"
#include "proto/http1_parser.h"

typedef struct parser_input {
  tg_text bytes;
  tg_http1_role role;
  bool to_head;                             /* the responses answer HEAD */
  bool finish;                              /* the peer ends its side behind the bytes */
  uint32_t head_bytes_max, field_count_max; /* 0: the parser's default */
} parser_input;

/* Feeds first `first` bytes, then pieces of `piece` bytes, each of which ends at a page that cannot be read. The
   buffer is the caller's to free. */
tg_buffer parser_log(const parser_input *input, size_t first, size_t piece);

/* Checks that the log is the same for the whole, byte by byte and cut at every position (at many, where there are
   thousands); gives it back. */
tg_buffer parser_log_of_all_cuts(const parser_input *input);

/* The distance between cuts to try in an input of so many bytes: 1 for all that are not large. */
size_t cut_distance(size_t size);

#endif
