#include "io/unix_socket.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static_assert(sizeof((struct sockaddr_un *)NULL)->sun_path == TG_UNIX_PATH_BYTES, "a path is as long as the system's");
static_assert((int)TG_ERROR_NOT_OURS == -EPERM, "codes of this layer are the system's");
static_assert((int)TG_ERROR_NO_FOLDER == -ENOENT, "codes of this layer are the system's");
static_assert((int)TG_ERROR_NO_SOCKET == -EEXIST, "codes of this layer are the system's");
static_assert((int)TG_ERROR_IN_USE == -EADDRINUSE, "codes of this layer are the system's");

static struct sockaddr_un address_of(const char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  memcpy(address.sun_path, path, strlen(path) + 1);
  return address;
}

static int new_socket(void) {
  return socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

/* --- one at a time --- */

enum { LOCK_TRIES = 50, LOCK_PAUSE_MS = 20 };

/* The folder that a path is in. */
static void folder_of(const char *path, char *folder) {
  const char *slash = strrchr(path, '/');
  size_t size = slash == NULL ? 0 : slash == path ? 1 : (size_t)(slash - path);
  memcpy(folder, path, size);
  if (size == 0) folder[size++] = '.';
  folder[size] = '\0';
}

/* Locks the folder: between the look at a socket that is there and its replacement nobody else must replace it. Others
   have the lock for a moment only; where somebody keeps it, one goes on without. The descriptor to close, or a negative
   code. */
static int lock_folder(const char *path) {
  char folder[TG_UNIX_PATH_BYTES + 1];
  const struct timespec pause = {.tv_nsec = LOCK_PAUSE_MS * 1000000L};
  folder_of(path, folder);
  int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0 && errno == EACCES) fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC); /* one that may not be read */
  if (fd < 0) return -errno;
  for (int i = 0; i < LOCK_TRIES && flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK; i++) {
    nanosleep(&pause, NULL);
  }
  return fd;
}

/* --- what is in the way --- */

static bool is_refused(const struct sockaddr_un *address) {
  int fd = new_socket();
  if (fd < 0) return false;
  bool refused = connect(fd, (const struct sockaddr *)address, sizeof *address) < 0 && errno == ECONNREFUSED;
  close(fd);
  return refused;
}

/* Makes room at the address, or says what is there. */
static int make_room(const struct sockaddr_un *address) {
  struct stat info;
  if (lstat(address->sun_path, &info) < 0) return errno == ENOENT ? 0 : -errno;
  if (!S_ISSOCK(info.st_mode)) return TG_ERROR_NO_SOCKET;
  if (!is_refused(address)) return TG_ERROR_IN_USE;
  if (unlink(address->sun_path) == 0 || errno == ENOENT) return 0;
  return TG_ERROR_NOT_OURS;
}

/* --- listening --- */

static int bind_at(int fd, const struct sockaddr_un *address, unsigned mode) {
  mode_t before = 0;
  if (mode != 0) before = umask((mode_t)(~mode & 0777)); /* not with a chmod behind it */
  int code = bind(fd, (const struct sockaddr *)address, sizeof *address) < 0 ? -errno : 0;
  if (mode != 0) umask(before);
  return code;
}

static int note_file(tg_unix_socket *self) {
  struct stat info;
  if (lstat(self->path, &info) < 0) return -errno;
  self->device = info.st_dev;
  self->inode = info.st_ino;
  return 0;
}

static int listen_within(tg_unix_socket *self, unsigned mode, int backlog) {
  struct sockaddr_un address = address_of(self->path);
  int code = make_room(&address);
  if (code < 0) return code;
  self->fd = new_socket();
  if (self->fd < 0) return -errno;
  code = bind_at(self->fd, &address, mode);
  bool is_there = code == 0;
  if (code == 0) code = note_file(self);
  if (code == 0 && listen(self->fd, backlog) < 0) code = -errno;
  if (code < 0) {
    if (is_there) unlink(address.sun_path);
    close(self->fd);
    self->fd = -1;
  }
  return code;
}

int tg_unix_listen(tg_unix_socket *self, const char *path, unsigned mode, int backlog) {
  *self = (tg_unix_socket){.fd = -1};
  size_t size = strlen(path);
  if (size >= sizeof self->path) return -ENAMETOOLONG;
  memcpy(self->path, path, size + 1);
  int lock = lock_folder(path);
  if (lock < 0) return lock;
  int code = listen_within(self, mode, backlog);
  close(lock);
  return code;
}

void tg_unix_forget(const tg_unix_socket *self) {
  struct stat info;
  bool is_own = lstat(self->path, &info) == 0 && info.st_dev == self->device && info.st_ino == self->inode;
  if (is_own) unlink(self->path);
}

bool tg_unix_peer_user(int fd, uid_t *user) {
  struct ucred peer;
  socklen_t size = sizeof peer;
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0 || peer.uid == (uid_t)-1) return false;
  *user = peer.uid;
  return true;
}
