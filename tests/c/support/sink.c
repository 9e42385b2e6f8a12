#include "support/sink.h"
#include "check.h"

static void close_stream(sink *is) {
  tg_stream_close(is->stream);
  is->stream = NULL;
}

static void on_read(tg_stream *stream, const char *bytes, long size) {
  sink *is = stream->owner;
  CHECK(is->stream == stream); /* nothing comes after a close */
  CHECK_NUMBER(is->end, 0);    /* nor after an end */
  CHECK(size != 0);
  if (size > 0) {
    is->reads++;
    tg_buffer_append(&is->bytes, bytes, (size_t)size);
    if (is->close_on_read) close_stream(is);
  } else {
    is->end = (int)size;
    if (is->close_on_end) close_stream(is);
  }
}

static void on_drain(tg_stream *stream, int code) {
  sink *is = stream->owner;
  CHECK(is->stream == stream);
  is->drains++;
  is->drain_code = code;
  if (is->close_on_drain) close_stream(is);
}

static const tg_stream_events events = {.on_read = on_read, .on_drain = on_drain};

void sink_attach(sink *is, tg_stream *stream) {
  is->stream = stream;
  tg_stream_attach(stream, &events, is);
}

void sink_start(sink *is, tg_stream *stream) {
  sink_attach(is, stream);
  CHECK_NUMBER(tg_stream_read_start(stream), 0);
}

int sink_write(sink *is, tg_text text) {
  return tg_stream_write(is->stream, &text, 1);
}

void sink_free(sink *is) {
  if (is->stream != NULL) close_stream(is);
  tg_buffer_free(&is->bytes);
}
