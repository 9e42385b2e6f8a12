/* The threads that wait for disks: a few for each loop, started when they are needed. Code of scripts that blocks has
   threads of its own, so that a slow hash holds up no file. */
#ifndef TG_IO_FILE_THREADS_H
#define TG_IO_FILE_THREADS_H

#include "io/thread_pool.h"

/* The loop's; NULL without memory. */
tg_thread_pool *tg_file_threads(tg_loop *loop);

/* For the loop's end: what has not begun is dropped, with its callback; what runs is waited for, for two seconds at most,
   as no thread that a disk or another machine keeps waiting can be stopped. Returns how many threads still run then. */
unsigned tg_file_threads_close(tg_loop *loop);

#endif
