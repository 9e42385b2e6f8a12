/* Where the lines of a log go: a file, a named pipe, standard output or standard error. For those that may wait for a
   disk; for the reader of a pipe, a terminal or a socket it waits only as long as it wants to. */
#ifndef TG_IO_LOG_TARGET_H
#define TG_IO_LOG_TARGET_H

#include "base/text.h"

#include <sys/types.h>

typedef enum tg_log_target_kind {
  TG_LOG_TARGET_FILE,
  TG_LOG_TARGET_PIPE, /* or a terminal, or another device */
  TG_LOG_TARGET_SOCKET,
} tg_log_target_kind;

typedef struct tg_log_target {
  int fd; /* -1 when it is closed */
  tg_log_target_kind kind;
} tg_log_target;

enum {
  TG_ERROR_AGAIN = -11,  /* UV_EAGAIN */
  TG_ERROR_TYPE = -4028, /* UV_EFTYPE */
};

/* Opens a path, or standard output for "-". A file is made where there is none (0640, less what the umask takes) and
   appended to. A pipe that nobody reads is an error; so is a disk (TG_ERROR_TYPE), which is not opened. 0 or a negative
   code. */
int tg_log_target_open(tg_log_target *target, const char *path);

/* Opens standard output or standard error (1 or 2) a second time, so that writing to a pipe or a terminal never waits.
   0 or a negative code. */
int tg_log_target_open_standard(tg_log_target *target, int fd);

/* Writes some of the bytes, in one call of the system. How many, TG_ERROR_AGAIN where a reader must read first, or
   another negative code. Others may write to the same pipe: lines that fit into what a pipe takes at once (4 KiB) stay
   whole among theirs. */
ssize_t tg_log_target_write(const tg_log_target *target, tg_text bytes);

/* Waits until it takes bytes again. False when that takes longer. */
bool tg_log_target_wait(const tg_log_target *target, int wait_ms);

/* Do both lead to the same file? */
bool tg_log_target_is_same(const tg_log_target *a, const tg_log_target *b);

/* Closes it; nothing happens when it is closed. */
void tg_log_target_close(tg_log_target *target);

#endif
