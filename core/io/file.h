/* Files of a folder: found beneath it and nowhere else, and read without holding up the loop.

   What the system has in its memory is opened and sent at once; what it has not is fetched by a thread first. */
#ifndef TG_IO_FILE_H
#define TG_IO_FILE_H

#include "base/buffer.h"
#include "io/loop.h"
#include "io/thread_pool.h"

typedef struct tg_folder tg_folder;

/* Opens a folder; NULL and a negative *code where there is none. */
tg_folder *tg_folder_open(const char *path, int *code);

/* Closes it. Look-ups of it must have ended. */
void tg_folder_close(tg_folder *folder);

enum { TG_FOLDER_PATH_BYTES = 1024 }; /* a path's, with its NUL */

typedef struct tg_file {
  int fd; /* -1 where nothing was found */
  bool is_folder;
  uint64_t size;
  int64_t modified;     /* seconds since 1970 */
  uint32_t modified_ns; /* … and the rest */
  int64_t changed;      /* when the system last changed it or its times, which nobody else can set */
  uint32_t changed_ns;
  uint64_t device, inode;
} tg_file;

/* A look-up. Embedded in its owner, and must live until on_found, or until a tg_look_up_cancel that answers true. */
typedef struct tg_look_up {
  tg_file file;
  int code; /* 0, or negative: TG_ERROR_MISSING, TG_ERROR_FORBIDDEN, … */
  void (*on_found)(struct tg_look_up *look_up);

  /* its own */
  tg_work work;
  int folder_fd;
  char path[TG_FOLDER_PATH_BYTES];
} tg_look_up;

enum {
  TG_ERROR_MISSING = -2,
  TG_ERROR_UNREADABLE = -5,
  TG_ERROR_AGAIN = -11,
  TG_ERROR_FORBIDDEN = -13,
  TG_ERROR_IS_FOLDER = -21,
  TG_ERROR_NO_FILE = -22, /* a pipe, a socket, a device */
};

/* Opens what has that path beneath the folder: a regular file, or a folder, which is not kept open. Pipes, sockets and
   devices are missing, and are not so much as opened. No path leads out of the folder: not by dots, not by a symbolic
   link, not from the root (openat2, RESOLVE_BENEATH). True: `look_up` has the result. False: on_found comes, from the
   loop. A path that is too long or has a NUL in it is missing. */
bool tg_folder_look_up(tg_loop *loop, tg_folder *folder, tg_text path, tg_look_up *look_up);

/* Is nothing there for certain? Only what the system has in its memory is asked: false may mean that it is not known.
   Costs far less than a look-up, for what is seldom there. */
bool tg_folder_lacks(const tg_folder *folder, const char *path);

/* Gives up a look-up whose on_found has not come. True: there is no callback. False: it comes, and the caller closes
   what it has found. */
bool tg_look_up_cancel(tg_loop *loop, tg_look_up *look_up);

/* Can these bytes be read without waiting for a disk, as far as one can tell? */
bool tg_file_is_at_hand(int fd, uint64_t offset, size_t size);

/* Reads at most `size` bytes; 0 at the end of the file, or a negative code. */
long tg_file_read(int fd, uint64_t offset, char *bytes, size_t size);

/* The same for what the system has in its memory; TG_ERROR_AGAIN where a disk would be waited for, or may be. */
long tg_file_read_at_hand(int fd, uint64_t offset, char *bytes, size_t size);

/* Appends what a regular file anywhere holds, and waits for the disk; 0 or a negative code. What is no regular file is not
   opened: TG_ERROR_NO_FILE, TG_ERROR_IS_FOLDER. */
int tg_file_read_whole(const char *path, tg_buffer *text);

/* Reads by a thread, which may wait. Embedded like a look-up. */
typedef struct tg_file_reading {
  tg_work work;
  int fd; /* it and `bytes` are the thread's until on_done */
  uint64_t offset;
  char *bytes;
  size_t size;
  long count; /* as tg_file_read answers */
} tg_file_reading;

/* Starts it; `work.on_done` is set by the caller. 0 or a negative code. tg_file_reading_cancel as tg_work_cancel. */
int tg_file_reading_start(tg_loop *loop, tg_file_reading *reading);
bool tg_file_reading_cancel(tg_loop *loop, tg_file_reading *reading);

/* Fetches a part of a file into the system's memory. Embedded like a look-up. */
typedef struct tg_file_fetch {
  tg_work work;
  int fd; /* stays open until on_done */
  uint64_t offset;
  size_t size;
} tg_file_fetch;

/* Starts it; `work.on_done` is set by the caller. 0 or a negative code. tg_file_fetch_cancel as tg_work_cancel. */
int tg_file_fetch_start(tg_loop *loop, tg_file_fetch *fetch);
bool tg_file_fetch_cancel(tg_loop *loop, tg_file_fetch *fetch);

#endif
