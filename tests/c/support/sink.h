/* A stream's ear that notes what it hears. */
#ifndef TESTS_SINK_H
#define TESTS_SINK_H

#include "base/buffer.h"
#include "io/stream.h"

typedef struct sink {
  tg_stream *stream; /* NULL once it is closed */
  tg_buffer bytes;   /* what was read */
  int reads;         /* calls with bytes */
  int end;           /* the code that ended reading; 0 before */
  int drains;
  int drain_code; /* of the last drain */
  bool close_on_read, close_on_end, close_on_drain;
} sink;

/* Hears the stream from now on, and reads. */
void sink_start(sink *sink, tg_stream *stream);

/* Hears the stream, and does not read yet. */
void sink_attach(sink *sink, tg_stream *stream);

/* Writes one text; what tg_stream_write answers. */
int sink_write(sink *sink, tg_text text);

/* Closes the stream where it is open, and gives the bytes back. */
void sink_free(sink *sink);

#endif
