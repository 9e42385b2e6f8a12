/* The Lua modules that the build puts into the binary. */
#ifndef TG_BIND_EMBEDDED_H
#define TG_BIND_EMBEDDED_H

#include <stddef.h>

struct tg_embedded_module {
  const char *name;   /* as `require` has it: "tidegate.router" */
  const char *source; /* Lua text, without a NUL */
  size_t size;
};

/* Ends with a NULL name. */
extern const struct tg_embedded_module tg_embedded_modules[];

#endif
