/* Failure points for calls that Tidegate or libuv makes and libfiu's preloaded library does not know. Is preloaded
   beside it; tests/support/failing_calls.lua says how. */
#define FIU_ENABLE 1
#define _GNU_SOURCE

#include <dlfcn.h>
#include <errno.h>
#include <fiu.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

typedef int accept_function(int listener, struct sockaddr *address, socklen_t *size, int flags);
typedef ssize_t sendfile_function(int to, int from, off_t *at, size_t size);
typedef ssize_t pread_function(int fd, void *into, size_t size, off_t at);
typedef ssize_t preadv2_function(int fd, const struct iovec *into, int count, off_t at, int flags);

static bool fails(const char *name) {
  if (fiu_fail(name) == 0) return false;
  errno = (int)(intptr_t)fiu_failinfo();
  return true;
}

int accept4(int listener, struct sockaddr *address, socklen_t *size, int flags) {
  static accept_function *real;
  if (real == NULL) *(void **)&real = dlsym(RTLD_NEXT, "accept4");
  return fails("posix/io/net/accept4") ? -1 : real(listener, address, size, flags);
}

ssize_t sendfile(int to, int from, off_t *at, size_t size) {
  static sendfile_function *real;
  if (real == NULL) *(void **)&real = dlsym(RTLD_NEXT, "sendfile");
  if (fails("posix/io/net/sendfile")) return -1;
  if (fiu_fail("posix/io/net/sendfile/reduce") != 0 && size > 1) size /= 2;
  return real(to, from, at, size);
}

ssize_t preadv2(int fd, const struct iovec *into, int count, off_t at, int flags) {
  static preadv2_function *real;
  if (real == NULL) *(void **)&real = dlsym(RTLD_NEXT, "preadv2");
  return fails("posix/io/rw/preadv2") ? -1 : real(fd, into, count, at, flags);
}

/* As of a disk, or of another machine, that does not answer: for as long as the failure is on. */
static ssize_t read_late(pread_function *real, int fd, void *into, size_t size, off_t at) {
  while (fiu_fail("posix/io/rw/pread/hang") != 0) usleep(5000);
  return real(fd, into, size, at);
}

ssize_t pread(int fd, void *into, size_t size, off_t at) {
  static pread_function *real;
  if (real == NULL) *(void **)&real = dlsym(RTLD_NEXT, "pread");
  return read_late(real, fd, into, size, at);
}

ssize_t pread64(int fd, void *into, size_t size, off_t at) {
  static pread_function *real;
  if (real == NULL) *(void **)&real = dlsym(RTLD_NEXT, "pread64");
  return read_late(real, fd, into, size, at);
}
