/* A failure point for accept4, which libuv calls and libfiu's preloaded library does not know. Is preloaded beside it;
   tests/blackbox/io_faults_spec.lua says how. */
#define FIU_ENABLE 1
#define _GNU_SOURCE

#include <dlfcn.h>
#include <errno.h>
#include <fiu.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

typedef int accept_function(int listener, struct sockaddr *address, socklen_t *size, int flags);

int accept4(int listener, struct sockaddr *address, socklen_t *size, int flags) {
  static accept_function *real;
  if (fiu_fail("posix/io/net/accept4") != 0) {
    errno = (int)(intptr_t)fiu_failinfo();
    return -1;
  }
  if (real == NULL) *(void **)&real = dlsym(RTLD_NEXT, "accept4");
  return real(listener, address, size, flags);
}
