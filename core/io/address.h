/* Where to listen or connect: an IP address with a port, or the path of a Unix socket. */
#ifndef TG_IO_ADDRESS_H
#define TG_IO_ADDRESS_H

#include "base/text.h"
#include "io/unix_socket.h"

#include <sys/socket.h>

typedef struct tg_address {
  struct sockaddr_storage storage;
  char path[TG_UNIX_PATH_BYTES]; /* of a Unix socket; empty otherwise */
  unsigned mode; /* who may connect to a Unix socket that is listened on: 0600; 0 for what the umask says */
} tg_address;

enum { TG_ADDRESS_TEXT_BYTES = 128 };

/* Reads "127.0.0.1:8000", "[::1]:8000", "localhost:8000" (the IPv4 loopback) or "unix:/path"; false when it is
   none of these. Other names are not looked up here. */
bool tg_address_parse(tg_address *address, tg_text text);

/* Makes an address of a numeric host ("::1", without brackets) and a port; false when it is not numeric. */
bool tg_address_from_host(tg_address *address, const char *host, unsigned port);

/* Writes the address as tg_address_parse reads it, with a NUL; an IPv4 address that is mapped as IPv4. */
void tg_address_text(const struct sockaddr *address, char *text, size_t size);

#endif
