#include "io/log_target.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MODE = 0640, FLAGS = O_WRONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK };

static tg_log_target_kind kind_of(int fd) {
  struct stat status;
  if (fstat(fd, &status) < 0 || S_ISREG(status.st_mode)) return TG_LOG_TARGET_FILE;
  return S_ISSOCK(status.st_mode) ? TG_LOG_TARGET_SOCKET : TG_LOG_TARGET_PIPE;
}

/* O_NONBLOCK belongs to the open file, which other processes may share (a shell and its terminal): a pipe or a terminal
   is opened once more instead. A file is not, since the place in it is shared as well. */
static int open_again(int fd) {
  char path[32];
  int again = -1;
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  if (kind_of(fd) == TG_LOG_TARGET_PIPE) again = open(path, FLAGS);
  return again >= 0 ? again : fcntl(fd, F_DUPFD_CLOEXEC, 0);
}

static int set_target(tg_log_target *target, int fd) {
  target->fd = fd;
  if (fd < 0) return -errno;
  target->kind = kind_of(fd);
  return 0;
}

int tg_log_target_open_standard(tg_log_target *target, int fd) {
  return set_target(target, open_again(fd));
}

int tg_log_target_open(tg_log_target *target, const char *path) {
  if (strcmp(path, "-") == 0) return tg_log_target_open_standard(target, STDOUT_FILENO);
  struct stat status;
  bool is_disk = stat(path, &status) == 0 && S_ISBLK(status.st_mode); /* whose content a log would overwrite */
  if (is_disk) return TG_ERROR_TYPE;
  return set_target(target, open(path, FLAGS | O_APPEND | O_CREAT, MODE));
}

/* As many whole lines as a pipe takes in one piece; a longer line goes in pieces. */
static size_t size_for_pipe(tg_text bytes) {
  if (bytes.size <= PIPE_BUF) return bytes.size;
  const char *last = memrchr(bytes.data, '\n', PIPE_BUF);
  return last != NULL ? (size_t)(last - bytes.data) + 1 : PIPE_BUF;
}

ssize_t tg_log_target_write(const tg_log_target *target, tg_text bytes) {
  ssize_t written;
  do {
    if (target->kind == TG_LOG_TARGET_SOCKET) {
      written = send(target->fd, bytes.data, bytes.size, MSG_DONTWAIT | MSG_NOSIGNAL);
    } else if (target->kind == TG_LOG_TARGET_PIPE) {
      /* Where it could not be opened without blocking, a write of this size does not wait once poll has said so. */
      if (!tg_log_target_wait(target, 0)) return TG_ERROR_AGAIN;
      written = write(target->fd, bytes.data, size_for_pipe(bytes));
    } else {
      written = write(target->fd, bytes.data, bytes.size);
    }
  } while (written < 0 && errno == EINTR);
  return written < 0 ? -errno : written;
}

bool tg_log_target_wait(const tg_log_target *target, int wait_ms) {
  struct pollfd item = {.fd = target->fd, .events = POLLOUT};
  return poll(&item, 1, wait_ms) != 0;
}

bool tg_log_target_is_same(const tg_log_target *a, const tg_log_target *b) {
  struct stat first, second;
  if (fstat(a->fd, &first) < 0 || fstat(b->fd, &second) < 0) return false;
  return first.st_dev == second.st_dev && first.st_ino == second.st_ino;
}

void tg_log_target_close(tg_log_target *target) {
  if (target->fd >= 0) close(target->fd);
  target->fd = -1;
}
