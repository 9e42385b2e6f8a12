#include "io/file.h"
#include "io/file_threads.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static_assert((int)TG_ERROR_MISSING == -ENOENT, "codes of this layer are the system's");
static_assert((int)TG_ERROR_UNREADABLE == -EIO, "codes of this layer are the system's");
static_assert((int)TG_ERROR_FORBIDDEN == -EACCES, "codes of this layer are the system's");
static_assert((int)TG_ERROR_AGAIN == -EAGAIN, "codes of this layer are the system's");
static_assert((int)TG_ERROR_IS_FOLDER == -EISDIR, "codes of this layer are the system's");
static_assert((int)TG_ERROR_NO_FILE == -EINVAL, "codes of this layer are the system's");

struct tg_folder {
  int fd;
};

tg_folder *tg_folder_open(const char *path, int *code) {
  tg_folder *folder = malloc(sizeof *folder);
  *code = TG_ERROR_MEMORY;
  if (folder == NULL) return NULL;
  folder->fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
  *code = folder->fd < 0 ? -errno : 0;
  if (folder->fd >= 0) return folder;
  free(folder);
  return NULL;
}

void tg_folder_close(tg_folder *folder) {
  close(folder->fd);
  free(folder);
}

/* --- looking up --- */

enum { FOR_READING = O_RDONLY | O_NOCTTY | O_NONBLOCK }; /* a pipe without a writer is not waited for */

static long open_beneath(int folder_fd, const char *path, int flags, uint64_t resolve) {
  struct open_how how = {
      .flags = (uint64_t)flags | O_CLOEXEC,
      .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | resolve,
  };
  long fd = syscall(SYS_openat2, folder_fd, path, &how, sizeof how);
  return fd < 0 ? -errno : fd;
}

/* What leads out of the folder is not there, for all that a client need know. */
static int code_of(long code) {
  bool missing = code == -EXDEV || code == -ELOOP || code == -ENOTDIR || code == -ENAMETOOLONG || code == -ENXIO;
  return missing ? TG_ERROR_MISSING : (int)code;
}

static int read_info(int fd, tg_file *file) {
  struct stat info;
  if (fstat(fd, &info) < 0) return -errno;
  file->is_folder = S_ISDIR(info.st_mode);
  if (!file->is_folder && !S_ISREG(info.st_mode)) return TG_ERROR_MISSING;
  file->size = (uint64_t)info.st_size;
  file->modified = info.st_mtim.tv_sec;
  file->modified_ns = (uint32_t)info.st_mtim.tv_nsec;
  file->changed = info.st_ctim.tv_sec;
  file->changed_ns = (uint32_t)info.st_ctim.tv_nsec;
  file->device = info.st_dev;
  file->inode = info.st_ino;
  return 0;
}

/* Opens the very file that was looked at, whatever has its name by now. */
static int open_looked_at(int at) {
  char name[32];
  snprintf(name, sizeof name, "/proc/self/fd/%d", at);
  int fd = open(name, FOR_READING | O_CLOEXEC);
  if (fd < 0) return -errno;
  return fd;
}

/* Without /proc: by its name once more. What has come in its place meanwhile is not taken. */
static long open_by_name(const tg_look_up *look_up, uint64_t resolve) {
  tg_file again = {.fd = -1};
  long fd = open_beneath(look_up->folder_fd, look_up->path, FOR_READING, resolve);
  if (fd < 0) return fd;
  bool is_same =
      read_info((int)fd, &again) == 0 && again.device == look_up->file.device && again.inode == look_up->file.inode;
  if (is_same) return fd;
  close((int)fd);
  return TG_ERROR_MISSING;
}

/* Looks before it opens: to open a pipe wakes whoever writes to it, and to open a device may do anything. */
static void look(tg_look_up *look_up, uint64_t resolve) {
  tg_file *file = &look_up->file;
  long at = open_beneath(look_up->folder_fd, look_up->path, O_PATH, resolve);
  file->fd = -1;
  look_up->code = at < 0 ? code_of(at) : read_info((int)at, file);
  if (look_up->code == 0 && !file->is_folder) {
    long fd = open_looked_at((int)at);
    if (fd == -ENOENT) fd = open_by_name(look_up, resolve);
    look_up->code = fd < 0 ? code_of(fd) : 0;
    if (fd >= 0) file->fd = (int)fd;
  }
  if (at >= 0) close((int)at);
}

static void run_look_up(tg_work *work, void *context) {
  (void)context;
  look(TG_CONTAINER(work, tg_look_up, work), 0);
}

static void on_looked_up(tg_work *work) {
  tg_look_up *look_up = TG_CONTAINER(work, tg_look_up, work);
  look_up->on_found(look_up);
}

static bool start_look_up(tg_loop *loop, tg_look_up *look_up) {
  tg_thread_pool *threads = tg_file_threads(loop);
  look_up->work = (tg_work){.run = run_look_up, .on_done = on_looked_up};
  int code = threads != NULL ? tg_work_start(threads, &look_up->work) : TG_ERROR_MEMORY;
  if (code < 0) look_up->code = code; /* else it is the thread's from here on */
  return code == 0;
}

bool tg_folder_look_up(tg_loop *loop, tg_folder *folder, tg_text path, tg_look_up *look_up) {
  look_up->file = (tg_file){.fd = -1};
  look_up->folder_fd = folder->fd;
  look_up->code = TG_ERROR_MISSING;
  if (path.size >= sizeof look_up->path || memchr(path.data, '\0', path.size) != NULL) return true;
  memcpy(look_up->path, path.data, path.size);
  look_up->path[path.size] = '\0';
  look(look_up, RESOLVE_CACHED);
  bool is_cached = look_up->code != TG_ERROR_AGAIN && look_up->code != -EINVAL; /* EINVAL: an older kernel */
  return is_cached || !start_look_up(loop, look_up);
}

bool tg_folder_lacks(const tg_folder *folder, const char *path) {
  long fd = open_beneath(folder->fd, path, O_PATH, RESOLVE_CACHED);
  if (fd >= 0) close((int)fd);
  return fd == -ENOENT;
}

bool tg_look_up_cancel(tg_loop *loop, tg_look_up *look_up) {
  return tg_work_cancel(tg_file_threads(loop), &look_up->work);
}

/* --- reading --- */

enum { READ_BYTES_MAX = 1 << 30 }; /* in one call: its answer is signed */

static bool is_byte_at_hand(int fd, uint64_t offset) {
  char byte;
  struct iovec into = {&byte, 1};
  return preadv2(fd, &into, 1, (off_t)offset, RWF_NOWAIT) >= 0 || errno != EAGAIN;
}

bool tg_file_is_at_hand(int fd, uint64_t offset, size_t size) {
  return is_byte_at_hand(fd, offset) && is_byte_at_hand(fd, offset + size - 1);
}

long tg_file_read(int fd, uint64_t offset, char *bytes, size_t size) {
  ssize_t count;
  if (size > READ_BYTES_MAX) size = READ_BYTES_MAX;
  do count = pread(fd, bytes, size, (off_t)offset);
  while (count < 0 && errno == EINTR);
  return count < 0 ? -errno : count;
}

/* Some file systems cannot say what they have (EOPNOTSUPP): they may wait for a disk, or for another machine. */
long tg_file_read_at_hand(int fd, uint64_t offset, char *bytes, size_t size) {
  struct iovec into = {bytes, size < READ_BYTES_MAX ? size : READ_BYTES_MAX};
  ssize_t count = preadv2(fd, &into, 1, (off_t)offset, RWF_NOWAIT);
  if (count >= 0) return count;
  return errno == EOPNOTSUPP || errno == EINTR ? TG_ERROR_AGAIN : -errno;
}

static int open_regular(const char *path) {
  struct stat info;
  int at = open(path, O_PATH | O_CLOEXEC);
  if (at < 0) return -errno;
  int code = fstat(at, &info) < 0 ? -errno : S_ISREG(info.st_mode) ? 0 : TG_ERROR_NO_FILE;
  if (code == TG_ERROR_NO_FILE && S_ISDIR(info.st_mode)) code = TG_ERROR_IS_FOLDER;
  if (code == 0) code = open_looked_at(at);
  if (code == -ENOENT) code = open(path, FOR_READING | O_CLOEXEC); /* without /proc */
  if (code == -1) code = -errno;
  close(at);
  return code;
}

static int read_to_end(int fd, tg_buffer *text) {
  enum { PIECE_BYTES = 64 * 1024 };
  uint64_t offset = 0;
  long count;
  do {
    char *room = tg_buffer_reserve(text, PIECE_BYTES);
    if (room == NULL) return TG_ERROR_MEMORY;
    count = tg_file_read(fd, offset, room, PIECE_BYTES);
    if (count > 0) text->end += (size_t)count;
    if (count > 0) offset += (uint64_t)count;
  } while (count > 0);
  return (int)count;
}

int tg_file_read_whole(const char *path, tg_buffer *text) {
  int fd = open_regular(path);
  if (fd < 0) return fd;
  int code = read_to_end(fd, text);
  close(fd);
  return code;
}

static void run_reading(tg_work *work, void *context) {
  tg_file_reading *reading = TG_CONTAINER(work, tg_file_reading, work);
  (void)context;
  reading->count = tg_file_read(reading->fd, reading->offset, reading->bytes, reading->size);
}

int tg_file_reading_start(tg_loop *loop, tg_file_reading *reading) {
  tg_thread_pool *threads = tg_file_threads(loop);
  reading->work.run = run_reading;
  return threads != NULL ? tg_work_start(threads, &reading->work) : TG_ERROR_MEMORY;
}

bool tg_file_reading_cancel(tg_loop *loop, tg_file_reading *reading) {
  return tg_work_cancel(tg_file_threads(loop), &reading->work);
}

/* Reading it is the one way to know that it has come. A failure shows when it is sent. */
static void run_fetch(tg_work *work, void *context) {
  const tg_file_fetch *fetch = TG_CONTAINER(work, tg_file_fetch, work);
  char piece[16 * 1024];
  uint64_t end = fetch->offset + fetch->size;
  (void)context;
  for (uint64_t at = fetch->offset; at < end; at += sizeof piece) {
    if (tg_file_read(fetch->fd, at, piece, sizeof piece) <= 0) return;
  }
}

int tg_file_fetch_start(tg_loop *loop, tg_file_fetch *fetch) {
  tg_thread_pool *threads = tg_file_threads(loop);
  fetch->work.run = run_fetch;
  return threads != NULL ? tg_work_start(threads, &fetch->work) : TG_ERROR_MEMORY;
}

bool tg_file_fetch_cancel(tg_loop *loop, tg_file_fetch *fetch) {
  return tg_work_cancel(tg_file_threads(loop), &fetch->work);
}
