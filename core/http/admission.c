#include "http/admission.h"

#include <search.h>
#include <stdlib.h>

struct tg_address_count {
  unsigned count;
  tg_peer peer; /* its port does not count */
};

/* A tree, as no choice of addresses makes it slow. */
static int compare(const void *a, const void *b) {
  const tg_peer *one = &((const tg_address_count *)a)->peer, *other = &((const tg_address_count *)b)->peer;
  if (one->kind != other->kind) return one->kind < other->kind ? -1 : 1;
  return memcmp(&one->address, &other->address, sizeof one->address);
}

/* The entry of a stream's address, made where it is new; NULL without memory. */
static tg_address_count *find(tg_admission *admission, const tg_stream *stream) {
  tg_address_count key = {0, tg_stream_peer(stream)};
  tg_address_count **node = tsearch(&key, &admission->addresses, compare);
  if (node == NULL || *node != &key) return node != NULL ? *node : NULL;
  tg_address_count *entry = malloc(sizeof *entry);
  if (entry == NULL) {
    tdelete(&key, &admission->addresses, compare);
    return NULL;
  }
  *entry = key;
  *node = entry;
  return entry;
}

static void forget_if_unused(tg_admission *admission, tg_address_count *address) {
  if (address->count > 0) return;
  tdelete(address, &admission->addresses, compare);
  free(address);
}

tg_admission_result tg_admission_enter(tg_admission *admission, const tg_stream *stream, tg_address_count **address) {
  *address = NULL;
  if (admission->count >= admission->connections_max) return TG_TOO_MANY;
  if (admission->connections_per_address_max > 0) {
    tg_address_count *entry = find(admission, stream);
    if (entry == NULL) return TG_NO_MEMORY;
    if (entry->count >= admission->connections_per_address_max) return TG_TOO_MANY_FROM_ADDRESS;
    entry->count++;
    *address = entry;
  }
  admission->count++;
  return TG_ADMITTED;
}

void tg_admission_leave(tg_admission *admission, tg_address_count *address) {
  admission->count--;
  if (address == NULL) return;
  address->count--;
  forget_if_unused(admission, address);
}
