/* HTTP/1.1 in both roles: bytes in, events out. Over llhttp in its strict mode, with the limits and checks that
   llhttp leaves to its user. It never allocates but in the arena that it was given for the head. */
#ifndef TG_PROTO_HTTP1_PARSER_H
#define TG_PROTO_HTTP1_PARSER_H

#include "proto/head.h"

#include <llhttp.h>

typedef struct tg_http1_events {
  /* The head is whole. TG_HTTP1_ON goes on, TG_HTTP1_BODILESS says that no body follows whatever the head says (the
     answer to HEAD), TG_HTTP1_REFUSE stops the parser with TG_HTTP1_REFUSED. */
  int (*on_head)(void *owner, tg_head *head);
  /* A chunk of that many bytes begins, 0 behind the last one. TG_HTTP1_ON or TG_HTTP1_REFUSE. */
  int (*on_chunk)(void *owner, uint64_t size);
  /* A piece of the body, freed of its framing; valid until the callback returns. TG_HTTP1_ON or TG_HTTP1_REFUSE. */
  int (*on_body)(void *owner, const char *bytes, size_t size);
  /* The message is whole. The parser pauses behind it. */
  void (*on_end)(void *owner);
} tg_http1_events;

enum { TG_HTTP1_ON, TG_HTTP1_BODILESS, TG_HTTP1_REFUSE };

typedef enum tg_http1_result {
  TG_HTTP1_MORE,    /* all bytes are used, the message goes on */
  TG_HTTP1_END,     /* the message has ended; bytes may be left, for the next one */
  TG_HTTP1_REFUSED, /* a callback refused */
  TG_HTTP1_ERROR,   /* the bytes are not HTTP, or over a limit: see error_status and error_text */
} tg_http1_result;

typedef enum tg_http1_role { TG_HTTP1_REQUESTS, TG_HTTP1_RESPONSES } tg_http1_role;

typedef struct tg_http1_parser {
  llhttp_t llhttp;
  const tg_http1_events *events;
  void *owner;
  tg_arena *arena; /* of the message under way */
  tg_head *head;
  int64_t head_bytes;      /* of the message under way: its head; behind it chunk extensions and trailers */
  uint32_t head_bytes_max; /* over it: 414 in the target, 431 in the fields, 413 in chunk extensions */
  uint32_t field_count_max;
  const char *piece;         /* what llhttp has now */
  uint32_t piece_offset;     /* bytes of the head before it */
  uint32_t line_offset;      /* bytes of the head before the request line */
  char last_bytes[5];        /* of the piece before, within the request line */
  uint32_t blank_bytes;      /* blank lines before the start line */
  uint32_t method_bytes;     /* of a method that llhttp does not know, behind what it has read of it */
  uint32_t part_bytes;       /* of the chunk extension's name or value under way */
  uint16_t connection_flags; /* llhttp's, of the head: trailers say nothing about the connection */
  bool method_whole;         /* the request line's method has ended */
  bool begun;                /* the start line has */
  bool method_unknown;       /* … with such a method */
  bool version_begun;        /* the request line's version has begun */
  bool in_trailers;          /* behind the last chunk */
  bool complete;             /* llhttp has paused at the message's end */
  bool ended;                /* between messages */
  bool refused;              /* a callback refused */
  bool names_close;          /* Connection does */
  bool keep_alive;           /* the message that has ended leaves the connection open */
  bool in_body;              /* the head is whole, so that fields are trailers, which are dropped */
  unsigned error_status;     /* what to answer to a request: 400, 413, 414, 431, 500, 501 or 505 */
  const char *error_text;    /* why, for people */
} tg_http1_parser;

/* How many of the bytes go on with the blank lines (CRLF) before a request, of which `before` bytes have come: RFC 9112
   section 2.2. A bare CR or LF ends them. */
size_t tg_http1_blank_bytes(const char *bytes, size_t size, size_t before);

/* Prepares a parser for a row of messages. */
void tg_http1_parser_init(tg_http1_parser *parser, tg_http1_role role, const tg_http1_events *events, void *owner);

/* Says where the next message's head goes; before its first byte. Both stay valid until its end. */
void tg_http1_parser_begin(tg_http1_parser *parser, tg_arena *arena, tg_head *head);

/* Reads bytes; *used is how many of them belong to this message. Callbacks come from inside. */
tg_http1_result tg_http1_parser_feed(tg_http1_parser *parser, const char *bytes, size_t size, size_t *used);

/* The peer has ended its side: TG_HTTP1_END where that ends the message (a response without a length), else
   TG_HTTP1_ERROR. */
tg_http1_result tg_http1_parser_feed_end(tg_http1_parser *parser);

/* Does the connection stay open behind the message that has just ended? */
bool tg_http1_parser_keeps_alive(const tg_http1_parser *parser);

#endif
