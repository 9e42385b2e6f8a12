/* A stream of bytes in both directions: TCP, a Unix socket, an end of an in-memory pair; later TLS on either.

   Whoever opened a stream owns it until tg_stream_close. Callbacks come from the loop only, never from inside a
   call on the stream, and never after tg_stream_close. */
#ifndef TG_IO_STREAM_H
#define TG_IO_STREAM_H

#include "base/text.h"
#include "io/loop.h"
#include "io/peer.h"

typedef struct tg_stream tg_stream;

typedef struct tg_stream_events {
  /* `size` > 0: that many bytes, valid until the callback returns. `size` < 0: TG_ERROR_EOF when the peer has ended
     its side (writing goes on), another code when the stream is broken: TG_ERROR_RESET where the peer has reset it,
     also where a write has heard of that before. Nothing follows a negative size, but for tg_stream_watch_reset. */
  void (*on_read)(tg_stream *stream, const char *bytes, long size);
  /* Everything written has been handed to the system (code 0), or cannot be (a negative code: nothing more can be
     written; what the peer had sent before is still read). Comes only after a tg_stream_write that answered
     TG_STREAM_QUEUED. May be NULL. */
  void (*on_drain)(tg_stream *stream, int code);
} tg_stream_events;

/* What a kind of stream does; see the functions below for each. */
typedef struct tg_stream_kind {
  int (*read_start)(tg_stream *stream);
  void (*read_stop)(tg_stream *stream);
  void (*read_hold)(tg_stream *stream);
  void (*watch_reset)(tg_stream *stream);
  int (*write)(tg_stream *stream, const tg_text *parts, unsigned count);
  long (*send_file)(tg_stream *stream, int fd, uint64_t offset, size_t size);
  size_t (*queued_bytes)(const tg_stream *stream);
  bool (*is_ready)(const tg_stream *stream, bool to_write); /* NULL: never */
  int (*finish)(tg_stream *stream);
  void (*close)(tg_stream *stream);
  void (*reset)(tg_stream *stream);
  tg_peer (*peer)(const tg_stream *stream);
} tg_stream_kind;

struct tg_stream {
  const tg_stream_kind *kind;
  const tg_stream_events *events;
  void *owner;
};

enum { TG_STREAM_SENT = 0, TG_STREAM_QUEUED = 1 };

/* Says who hears the stream. Before it is attached a stream must not be started. */
static inline void tg_stream_attach(tg_stream *stream, const tg_stream_events *events, void *owner) {
  stream->events = events;
  stream->owner = owner;
}

/* Calls on_read from now on; 0 or a negative code. Starting twice is no error. */
static inline int tg_stream_read_start(tg_stream *stream) {
  return stream->kind->read_start(stream);
}

/* No on_read from here on, until it is started again: the peer is held back once the system's buffers are full. */
static inline void tg_stream_read_stop(tg_stream *stream) {
  stream->kind->read_stop(stream);
}

/* The same, but that the peer has ended its side or is gone is heard at once, where the system can tell: by an on_read
   with a negative size. What it had sent before and was not read is lost then. */
static inline void tg_stream_read_hold(tg_stream *stream) {
  stream->kind->read_hold(stream);
}

/* Behind an end of the peer's side: on_read with TG_ERROR_RESET when the system hears that it is gone both ways, which
   over TCP it may hear only from an answer to what is written. Where the end was heard by tg_stream_read_hold, reading
   may be started again after this, and what had come before the end is not lost. */
static inline void tg_stream_watch_reset(tg_stream *stream) {
  stream->kind->watch_reset(stream);
}

/* Sends the parts in order. What the system does not take at once is copied and sent later, so the caller's
   memory is free on return. TG_STREAM_SENT, TG_STREAM_QUEUED (on_drain follows), or a negative code: then nothing more
   can be written, and but for TG_ERROR_MEMORY none of these bytes was; what the peer had sent before is still read. */
static inline int tg_stream_write(tg_stream *stream, const tg_text *parts, unsigned count) {
  return stream->kind->write(stream, parts, count);
}

/* Sends at most `size` bytes of a file without copying them, as many as the system takes at once: how many, 0 when it
   takes none now, TG_ERROR_EOF where the file is shorter, TG_ERROR_UNREADABLE (file.h) where it cannot be read,
   TG_ERROR_UNSUPPORTED where this stream cannot; another negative code when the stream is broken. While something that
   was written waits, it takes none. */
static inline long tg_stream_send_file(tg_stream *stream, int fd, uint64_t offset, size_t size) {
  return stream->kind->send_file(stream, fd, offset, size);
}

/* Bytes that were written and wait for the peer. */
static inline size_t tg_stream_queued_bytes(const tg_stream *stream) {
  return stream->kind->queued_bytes(stream);
}

/* Has the peer sent something, ended its side or gone, or made room to write, that the loop has not come to see? So it is
   where the loop is busy. Asks the system: for when a time limit has passed, or before a stream that was left alone is
   used, not for every day. */
static inline bool tg_stream_is_ready(const tg_stream *stream, bool to_write) {
  return stream->kind->is_ready != NULL && stream->kind->is_ready(stream, to_write);
}

/* Ends the own side once everything is sent; reading goes on. 0 or a negative code. */
static inline int tg_stream_finish(tg_stream *stream) {
  return stream->kind->finish(stream);
}

/* Ends the stream both ways, drops what is queued, and gives it back: it must not be used again. */
static inline void tg_stream_close(tg_stream *stream) {
  stream->kind->close(stream);
}

/* The same, and the peer sees a failure and no end, where the kind of stream tells these apart. */
static inline void tg_stream_reset(tg_stream *stream) {
  stream->kind->reset(stream);
}

/* Who is at the other end. Unknown where the peer has reset the connection: ask when it begins. */
static inline tg_peer tg_stream_peer(const tg_stream *stream) {
  return stream->kind->peer(stream);
}

#endif
