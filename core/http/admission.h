/* Who gets in: how many connections there may be in all, and from one address. */
#ifndef TG_HTTP_ADMISSION_H
#define TG_HTTP_ADMISSION_H

#include "io/stream.h"

typedef struct tg_admission {
  uint32_t connections_max;
  uint32_t connections_per_address_max; /* 0: any number */
  unsigned count;
  void *addresses; /* a tree of tg_address_count, of <search.h> */
} tg_admission;

typedef struct tg_address_count tg_address_count;

typedef enum tg_admission_result {
  TG_ADMITTED,
  TG_TOO_MANY,
  TG_TOO_MANY_FROM_ADDRESS,
  TG_NO_MEMORY,
} tg_admission_result;

/* Lets a stream in or not. An address is that of the other end of the connection, a proxy's too; IPv4 is IPv4, mapped or
   not. *address is what tg_admission_leave wants to have back; NULL where addresses do not count. */
tg_admission_result tg_admission_enter(tg_admission *admission, const tg_stream *stream, tg_address_count **address);

/* One that was let in is gone. */
void tg_admission_leave(tg_admission *admission, tg_address_count *address);

#endif
