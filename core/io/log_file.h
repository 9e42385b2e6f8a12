/* A log whose lines are many: they are put into memory and written by a thread of their own, in big pieces, at least
   each second. Whoever appends never waits. What finds no room is dropped as whole lines and counted, so a full disk
   or a reader that does not read costs lines and nothing else; writing is tried again a few times in each second.

   A file may be renamed at any time; tg_log_file_reopen goes on in a new one. */
#ifndef TG_IO_LOG_FILE_H
#define TG_IO_LOG_FILE_H

#include "base/text.h"
#include "io/loop.h"

typedef struct tg_log_file tg_log_file;

/* What its owner hears, from the loop and never from inside a call. Any of them may be NULL. */
typedef struct tg_log_file_events {
  /* Lines cannot be written, or do not go away as fast as they come (TG_ERROR_SLOW): the first are dropped, or will
     be. Once, until on_recovered. */
  void (*on_trouble)(void *owner, int code);
  /* All is written again, and for a while; so many lines were dropped since on_trouble. */
  void (*on_recovered)(void *owner, uint64_t dropped);
  /* A tg_log_file_reopen is done: 0, or the negative code with which it failed, and the old file goes on. */
  void (*on_reopened)(void *owner, int code);
} tg_log_file_events;

enum { TG_ERROR_SLOW = -105 }; /* UV_ENOBUFS */

typedef struct tg_log_file_statistics {
  uint64_t lines;      /* taken */
  uint64_t dropped;    /* not taken, for want of room */
  uint64_t failures;   /* tries to write that failed */
  size_t buffer_bytes; /* in memory, about */
  bool is_in_trouble;  /* between on_trouble and on_recovered */
} tg_log_file_statistics;

/* Opens a path, or standard output for "-", and starts the thread. `buffer_bytes_max` bytes are allocated at once; half
   of it is the longest line. 0 and *file, or a negative code. The events must live as long as the file. */
int tg_log_file_open(tg_loop *loop, const char *path, size_t buffer_bytes_max, const tg_log_file_events *events,
                     void *owner, tg_log_file **file);

/* Appends a line, which ends with its only '\n'. False when it was dropped. */
bool tg_log_file_append(tg_log_file *file, tg_text line);

/* Writes what has been appended and then opens the path anew; on_reopened follows. */
void tg_log_file_reopen(tg_log_file *file);

tg_log_file_statistics tg_log_file_count(tg_log_file *file);

/* Are there lines that are not written yet? For a signal's handler, too. */
bool tg_log_file_is_waiting(const tg_log_file *file);

/* Writes what is left, for `wait_ms` at most where a reader does not read, and gives up at once where a disk takes
   nothing; frees. No event comes any more: *dropped is how many lines were dropped since on_trouble or are lost now.
   False when the thread hangs in a write, as on a file server that is gone: what it uses is not freed, and the process
   should end soon. */
bool tg_log_file_close(tg_log_file *file, unsigned wait_ms, uint64_t *dropped);

#endif
