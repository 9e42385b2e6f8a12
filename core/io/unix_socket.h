/* Unix sockets: listening at a path, and who is at the other end. */
#ifndef TG_IO_UNIX_SOCKET_H
#define TG_IO_UNIX_SOCKET_H

#include <stdbool.h>
#include <sys/types.h>

enum { TG_UNIX_PATH_BYTES = 108 }; /* what the system has room for, with a NUL */

/* A socket that listens, and the file by which it is reached. */
typedef struct tg_unix_socket {
  int fd; /* -1 where there is none */
  char path[TG_UNIX_PATH_BYTES];
  dev_t device; /* the file's, by which it is told from one that has taken its place */
  ino_t inode;
} tg_unix_socket;

enum {
  TG_ERROR_NOT_OURS = -1,   /* EPERM: a socket that nobody listens at is in the way, and may not be removed */
  TG_ERROR_NO_FOLDER = -2,  /* ENOENT: there is no folder for it */
  TG_ERROR_NO_SOCKET = -17, /* EEXIST: something else than a socket is in the way */
  TG_ERROR_IN_USE = -98,    /* EADDRINUSE: somebody listens at it */
};

/* Listens at a path. A socket file that nobody listens at any more is replaced; of several processes that try at once one
   gets it, and the others see that it has it. `mode` says from the first moment on who may connect (0600); 0 for what
   the umask says. 0, or a negative code, as above or another of the system's. */
int tg_unix_listen(tg_unix_socket *self, const char *path, unsigned mode, int backlog);

/* Removes the file, if it is still the socket's own. The descriptor is the caller's to close. */
void tg_unix_forget(const tg_unix_socket *self);

/* The user of the process at the other end: of the one that connected, or of the one that listened. False where the
   system cannot tell. */
bool tg_unix_peer_user(int fd, uid_t *user);

#endif
