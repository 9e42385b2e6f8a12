#include "io/log_file.h"
#include "io/timer.h"
#include "check.h"
#include "support/turns.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BUFFER_BYTES = 64 * 1024, CLOSE_MS = 5000, LINES_MAX = 100000 };

static tg_loop *loop;
static tg_timer alive; /* the log does not keep a loop running */
static tg_log_file *file;
static char folder[] = "/tmp/tidegate-log-file-XXXXXX";
static char path[64];
static int next_number; /* of the line that is appended next */
static int troubles, recoveries, reopens;
static int trouble_code, reopen_code;
static uint64_t recovered_dropped;
static bool is_taken[LINES_MAX];

static void on_trouble(void *owner, int code) {
  CHECK(owner == &loop);
  trouble_code = code;
  troubles++;
}

static void on_recovered(void *owner, uint64_t dropped) {
  CHECK(owner == &loop);
  recovered_dropped = dropped;
  recoveries++;
}

static void on_reopened(void *owner, int code) {
  CHECK(owner == &loop);
  reopen_code = code;
  reopens++;
}

static const tg_log_file_events events = {on_trouble, on_recovered, on_reopened};

static int open_at(const char *where) {
  loop = tg_loop_new();
  tg_timer_init(&alive, NULL);
  tg_timer_start(loop, &alive, UINT64_C(1000000000) * 3600);
  file = NULL;
  next_number = troubles = recoveries = reopens = 0;
  trouble_code = reopen_code = 1;
  return tg_log_file_open(loop, where, BUFFER_BYTES, &events, &loop, &file);
}

typedef struct wait {
  bool (*question)(void *owner);
  void *owner;
} wait;

/* The machine is left to the thread meanwhile. */
static bool rest_and_ask(void *owner) {
  const wait *self = owner;
  usleep(300);
  return self->question(self->owner);
}

static bool wait_while_not(bool (*question)(void *owner), void *owner) {
  wait self = {question, owner};
  return turn_while_not(loop, rest_and_ask, &self);
}

static bool is_set(void *flag) {
  return *(const int *)flag != 0;
}

static bool wait_until(int *flag) {
  return wait_while_not(is_set, flag);
}

static void free_loop(void) {
  tg_timer_stop(loop, &alive);
  tg_loop_free(loop);
}

/* Closes; no event comes behind it. */
static uint64_t close_in(unsigned wait_ms) {
  uint64_t dropped = 12345;
  CHECK(tg_log_file_close(file, wait_ms, &dropped));
  int heard = troubles + recoveries + reopens;
  turn(loop, 5);
  CHECK_NUMBER(troubles + recoveries + reopens, heard);
  free_loop();
  return dropped;
}

/* Line 12 is "line 000012 xxx…", of `size` bytes. */
static bool append(size_t size) {
  char line[8192];
  memset(line, 'x', sizeof line);
  int head = snprintf(line, sizeof line, "line %06d", next_number);
  line[head] = ' ';
  line[size - 1] = '\n';
  bool taken = tg_log_file_append(file, (tg_text){line, size});
  is_taken[next_number++] = taken;
  return taken;
}

static void append_many(int count, size_t size) {
  while (count-- > 0) CHECK(append(size));
}

static void append_until_dropped(size_t size) {
  while (append(size)) CHECK(next_number < LINES_MAX);
}

static char *contents;
static size_t contents_size;

static void read_file(const char *from) {
  int fd = open(from, O_RDONLY);
  contents_size = 0;
  ssize_t count;
  while (fd >= 0 && (count = read(fd, contents + contents_size, 65536)) > 0) contents_size += (size_t)count;
  if (fd >= 0) close(fd);
}

/* Do `size` bytes hold just those lines from `first` to before `end` that were taken, each of them whole? */
static bool holds_lines(int first, int end, size_t line_size) {
  const char *at = contents;
  for (int number = first; number < end; number++) {
    char head[24];
    if (!is_taken[number]) continue;
    snprintf(head, sizeof head, "line %06d ", number);
    if (contents + contents_size - at < (ptrdiff_t)line_size) return false;
    if (memcmp(at, head, 12) != 0 || memchr(at, '\n', line_size) != at + line_size - 1) return false;
    at += line_size;
  }
  return at == contents + contents_size;
}

static int count_taken(void) {
  int count = 0;
  for (int i = 0; i < next_number; i++) count += is_taken[i];
  return count;
}

static bool has_bytes(void *size) {
  struct stat status;
  return stat(path, &status) == 0 && status.st_size == *(off_t *)size;
}

static void wait_for_bytes(off_t size) {
  CHECK(wait_while_not(has_bytes, &size));
}

static bool has_failed(void *count) {
  return tg_log_file_count(file).failures >= *(uint64_t *)count;
}

static void wait_for_failures(uint64_t count) {
  CHECK(wait_while_not(has_failed, &count));
}

/* --- what is usual --- */

static void has_written_all_when_it_is_closed(void) {
  CHECK_NUMBER(open_at(path), 0);
  append_many(10, 100);
  CHECK_NUMBER(close_in(CLOSE_MS), 0);
  read_file(path);
  CHECK(holds_lines(0, 10, 100));
  struct stat status;
  CHECK_NUMBER(stat(path, &status), 0);
  CHECK_NUMBER(status.st_mode & 0777, 0640);
  CHECK_NUMBER(open_at(path), 0); /* and goes on behind what is there */
  append_many(1, 100);
  CHECK_NUMBER(close_in(CLOSE_MS), 0);
  wait_for_bytes(1100);
  unlink(path);
}

static void writes_by_itself(void) {
  CHECK_NUMBER(open_at(path), 0);
  append_many(3, 100);
  wait_for_bytes(300);
  append_many(3, 100);
  wait_for_bytes(600);
  append_many(100, 200); /* more than is worth a write at once */
  wait_for_bytes(20600);
  CHECK_NUMBER(tg_log_file_count(file).lines, 106);
  CHECK_NUMBER(close_in(CLOSE_MS), 0);
  CHECK_NUMBER(troubles + recoveries + reopens, 0);
  unlink(path);
}

static void writes_without_the_loop_all_that_it_can_hold(void) {
  CHECK_NUMBER(open_at(path), 0);
  while (next_number < 50000) {
    if (!append(100)) usleep(100);
  }
  CHECK_NUMBER(tg_log_file_count(file).lines, count_taken());
  CHECK_NUMBER(tg_log_file_count(file).dropped, 50000 - count_taken());
  uint64_t dropped = close_in(CLOSE_MS);
  CHECK_NUMBER(dropped, 50000 - count_taken());
  read_file(path);
  CHECK(holds_lines(0, 50000, 100));
  unlink(path);
}

static void refuses_a_line_that_is_too_long(void) {
  CHECK_NUMBER(open_at(path), 0);
  char *line = malloc(BUFFER_BYTES);
  memset(line, 'x', BUFFER_BYTES);
  CHECK(!tg_log_file_append(file, (tg_text){line, BUFFER_BYTES / 2 + 1}));
  line[BUFFER_BYTES / 2 - 1] = '\n';
  CHECK(tg_log_file_append(file, (tg_text){line, BUFFER_BYTES / 2}));
  CHECK(wait_until(&recoveries));
  CHECK_NUMBER(trouble_code, TG_ERROR_SLOW);
  CHECK_NUMBER(recovered_dropped, 1);
  CHECK_NUMBER(close_in(CLOSE_MS), 0);
  wait_for_bytes(BUFFER_BYTES / 2);
  free(line);
  unlink(path);
}

static void says_what_cannot_be_opened(void) {
  CHECK_NUMBER(open_at(folder), -EISDIR);
  free_loop();
  CHECK_NUMBER(open_at("/nowhere/at/all"), -ENOENT);
  free_loop();
  CHECK_NUMBER(mkfifo(path, 0600), 0);
  CHECK_NUMBER(open_at(path), -ENXIO); /* nobody reads it */
  free_loop();
  unlink(path);
}

/* --- rotation --- */

static void goes_on_in_a_new_file(void) {
  char old[80];
  snprintf(old, sizeof old, "%s.1", path);
  CHECK_NUMBER(open_at(path), 0);
  append_many(5, 100);
  CHECK_NUMBER(rename(path, old), 0);
  append_many(5, 100); /* before the signal: still into the old one */
  tg_log_file_reopen(file);
  CHECK(wait_until(&reopens));
  CHECK_NUMBER(reopen_code, 0);
  append_many(5, 100);
  CHECK_NUMBER(close_in(CLOSE_MS), 0);
  read_file(old);
  CHECK(holds_lines(0, 10, 100));
  read_file(path);
  CHECK(holds_lines(10, 15, 100));
  unlink(old);
  unlink(path);
}

static void loses_nothing_where_the_file_is_the_same(void) {
  CHECK_NUMBER(open_at(path), 0);
  for (int i = 0; i < 20; i++) {
    append_many(15, 100);
    tg_log_file_reopen(file);
    turn(loop, 1);
  }
  CHECK_NUMBER(close_in(CLOSE_MS), 0);
  read_file(path);
  CHECK(holds_lines(0, 300, 100));
  unlink(path);
}

static void keeps_the_old_file_where_there_is_no_new_one(void) {
  char place[40], inside[64], old[80];
  snprintf(place, sizeof place, "%s/sub", folder);
  snprintf(inside, sizeof inside, "%s/a.log", place);
  snprintf(old, sizeof old, "%s/old", folder);
  CHECK_NUMBER(mkdir(place, 0700), 0);
  CHECK_NUMBER(open_at(inside), 0);
  CHECK_NUMBER(rename(inside, old), 0);
  CHECK_NUMBER(rmdir(place), 0);
  tg_log_file_reopen(file);
  CHECK(wait_until(&reopens));
  CHECK_NUMBER(reopen_code, -ENOENT);
  append_many(5, 100);
  CHECK_NUMBER(close_in(CLOSE_MS), 0);
  CHECK_NUMBER(troubles, 0);
  read_file(old);
  CHECK(holds_lines(0, 5, 100));
  unlink(old);
}

/* --- THREATS class 23: a full disk, a slow pipe --- */

/* A disk is full for this process: no file may grow beyond so many bytes. */
static void limit_files(rlim_t bytes) {
  struct rlimit limit;
  getrlimit(RLIMIT_FSIZE, &limit);
  limit.rlim_cur = bytes;
  CHECK_NUMBER(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void class_23_goes_on_when_the_disk_has_room_again(void) {
  CHECK_NUMBER(open_at(path), 0);
  limit_files(1050); /* in the middle of a line */
  append_many(20, 100);
  CHECK(wait_until(&troubles));
  CHECK_NUMBER(trouble_code, -EFBIG);
  append_until_dropped(100);
  append_until_dropped(100);
  uint64_t failures = tg_log_file_count(file).failures;
  wait_for_failures(failures + 2);
  CHECK_NUMBER(recoveries, 0);
  limit_files(RLIM_INFINITY);
  CHECK(wait_until(&recoveries));
  CHECK_NUMBER(troubles, 1);
  CHECK_NUMBER(recovered_dropped, next_number - count_taken());
  CHECK_NUMBER(tg_log_file_count(file).dropped, recovered_dropped);
  CHECK(!tg_log_file_count(file).is_in_trouble);
  append_many(5, 100);
  CHECK_NUMBER(close_in(CLOSE_MS), 0);
  read_file(path);
  CHECK(holds_lines(0, next_number, 100));
  unlink(path);
}

/* A line that was begun on the full disk stands whole in the file that follows. */
static void class_23_begins_a_line_again_in_another_file(void) {
  char old[80];
  snprintf(old, sizeof old, "%s.1", path);
  CHECK_NUMBER(open_at(path), 0);
  limit_files(1050);
  append_many(20, 100);
  CHECK(wait_until(&troubles));
  CHECK_NUMBER(rename(path, old), 0);
  tg_log_file_reopen(file);
  CHECK(wait_until(&reopens));
  limit_files(RLIM_INFINITY);
  CHECK_NUMBER(close_in(CLOSE_MS), 0);
  read_file(path);
  CHECK(holds_lines(10, 20, 100));
  unlink(old);
  unlink(path);
}

/* Tries are counted, so that a full disk does not cost a processor. */
static void class_23_tries_seldom_while_the_disk_is_full(void) {
  CHECK_NUMBER(open_at("/dev/full"), 0);
  double began_ms = now_ms();
  append(100);
  CHECK(wait_until(&troubles));
  CHECK_NUMBER(trouble_code, -ENOSPC);
  append_until_dropped(100);
  for (int i = 0; i < 3000; i++) append(100);
  wait_for_failures(3);
  uint64_t failures = tg_log_file_count(file).failures;
  CHECK((double)(failures - 1) * 200 <= now_ms() - began_ms);
  CHECK_NUMBER(close_in(CLOSE_MS), next_number); /* and none of them is forgotten */
}

static char pipe_bytes[65536];

/* Reads what there is; false when the other side is closed and all was read. */
static bool read_pipe(int fd) {
  ssize_t count = read(fd, pipe_bytes, sizeof pipe_bytes);
  if (count > 0) {
    memcpy(contents + contents_size, pipe_bytes, (size_t)count);
    contents_size += (size_t)count;
  }
  return count != 0;
}

static int open_reader(void) {
  int reader = open(path, O_RDONLY | O_NONBLOCK);
  CHECK(reader >= 0);
  contents_size = 0;
  return reader;
}

static bool reads_until_recovered(void *reader) {
  read_pipe(*(int *)reader);
  return recoveries > 0;
}

static bool reads_a_line(void *reader) {
  read_pipe(*(int *)reader);
  return contents_size > 0;
}

static void class_23_drops_lines_where_nobody_reads(void) {
  CHECK_NUMBER(mkfifo(path, 0600), 0);
  int reader = open_reader();
  CHECK_NUMBER(open_at(path), 0);
  append_until_dropped(100);
  CHECK(wait_until(&troubles));
  CHECK_NUMBER(trouble_code, TG_ERROR_SLOW);
  CHECK(wait_while_not(reads_until_recovered, &reader));
  CHECK_NUMBER(recovered_dropped, next_number - count_taken());
  CHECK_NUMBER(tg_log_file_count(file).failures, 0);
  append_many(5, 100);
  CHECK_NUMBER(close_in(CLOSE_MS), 0);
  while (read_pipe(reader)) continue;
  CHECK(holds_lines(0, next_number, 100));
  close(reader);
  unlink(path);
}

static void class_23_writes_again_when_somebody_reads_again(void) {
  CHECK_NUMBER(mkfifo(path, 0600), 0);
  int reader = open_reader();
  CHECK_NUMBER(open_at(path), 0);
  append_many(1, 100);
  CHECK(wait_while_not(reads_a_line, &reader));
  close(reader);
  append_many(10, 100);
  CHECK(wait_until(&troubles));
  CHECK_NUMBER(trouble_code, -EPIPE);
  wait_for_failures(2);
  reader = open_reader();
  CHECK(wait_while_not(reads_until_recovered, &reader));
  CHECK_NUMBER(recovered_dropped, 0);
  CHECK_NUMBER(close_in(CLOSE_MS), 0);
  CHECK(holds_lines(1, 11, 100));
  close(reader);
  unlink(path);
}

static void class_23_ends_though_nobody_reads(void) {
  CHECK_NUMBER(mkfifo(path, 0600), 0);
  int reader = open_reader();
  CHECK_NUMBER(open_at(path), 0);
  append_until_dropped(100);
  CHECK(wait_until(&troubles));
  uint64_t dropped = close_in(1);
  while (read_pipe(reader)) continue;
  CHECK_NUMBER(contents_size % 100, 0);
  CHECK_NUMBER(dropped, (size_t)next_number - contents_size / 100);
  close(reader);
  unlink(path);
}

/* --- standard output --- */

static bool is_nonblocking(int fd) {
  return (fcntl(fd, F_GETFL) & O_NONBLOCK) != 0;
}

/* Runs with standard output going to `fd`. */
static void to_standard_output(int fd, void (*run)(int), int argument) {
  fflush(stdout);
  int kept = dup(STDOUT_FILENO);
  dup2(fd, STDOUT_FILENO);
  run(argument);
  dup2(kept, STDOUT_FILENO);
  close(kept);
}

/* A pipe on standard output takes no more than it can, and stays as it was for those who share it. */
static void fill_standard_output(int reader) {
  contents_size = 0;
  CHECK_NUMBER(open_at("-"), 0);
  append_until_dropped(100);
  CHECK(wait_until(&troubles));
  CHECK(!is_nonblocking(STDOUT_FILENO));
  CHECK(wait_while_not(reads_until_recovered, &reader));
  CHECK_NUMBER(close_in(CLOSE_MS), 0);
  CHECK(write(STDOUT_FILENO, "", 0) == 0); /* it is open still */
}

static void writes_to_a_pipe_on_standard_output(void) {
  int ends[2];
  CHECK_NUMBER(pipe(ends), 0);
  fcntl(ends[0], F_SETFL, O_NONBLOCK);
  to_standard_output(ends[1], fill_standard_output, ends[0]);
  close(ends[1]);
  while (read_pipe(ends[0])) continue;
  CHECK(holds_lines(0, next_number, 100));
  close(ends[0]);
}

static void writes_to_a_socket_on_standard_output(void) {
  int ends[2];
  CHECK_NUMBER(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
  fcntl(ends[0], F_SETFL, O_NONBLOCK);
  to_standard_output(ends[1], fill_standard_output, ends[0]);
  close(ends[1]);
  while (read_pipe(ends[0])) continue;
  CHECK(holds_lines(0, next_number, 100));
  close(ends[0]);
}

/* The place in the file is shared: what the process prints itself must not be overwritten. */
static void print_around_lines(int unused) {
  (void)unused;
  CHECK_NUMBER(write(STDOUT_FILENO, "before\n", 7), 7);
  CHECK_NUMBER(open_at("-"), 0);
  append_many(5, 100);
  CHECK_NUMBER(close_in(CLOSE_MS), 0);
  CHECK_NUMBER(write(STDOUT_FILENO, "behind\n", 7), 7);
}

static void writes_to_a_file_on_standard_output(void) {
  int fd = open(path, O_WRONLY | O_CREAT, 0600);
  to_standard_output(fd, print_around_lines, 0);
  close(fd);
  read_file(path);
  CHECK_NUMBER(contents_size, 514);
  CHECK(memcmp(contents, "before\nline 000000", 18) == 0);
  CHECK(memcmp(contents + 507, "behind\n", 7) == 0);
  unlink(path);
}

/* --- its end at any time --- */

static void ends_right_behind_anything(void) {
  for (int round = 0; round < 60; round++) {
    bool is_full = round % 3 == 0;
    CHECK_NUMBER(open_at(is_full ? "/dev/full" : path), 0);
    if (round % 2 == 0) append(100);
    if (round % 5 == 0) tg_log_file_reopen(file);
    if (round % 7 == 0) append_until_dropped(4000);
    if (round % 4 == 0) usleep(300);
    if (round % 12 == 0) CHECK(wait_until(&troubles));
    uint64_t dropped = close_in(CLOSE_MS);
    CHECK_NUMBER(dropped, is_full ? next_number : next_number - count_taken());
  }
  unlink(path);
}

int main(void) {
  contents = malloc((size_t)64 << 20);
  CHECK(mkdtemp(folder) != NULL);
  snprintf(path, sizeof path, "%s/a.log", folder);
  umask(022);
  has_written_all_when_it_is_closed();
  writes_by_itself();
  writes_without_the_loop_all_that_it_can_hold();
  refuses_a_line_that_is_too_long();
  says_what_cannot_be_opened();
  goes_on_in_a_new_file();
  loses_nothing_where_the_file_is_the_same();
  keeps_the_old_file_where_there_is_no_new_one();
  class_23_goes_on_when_the_disk_has_room_again();
  class_23_begins_a_line_again_in_another_file();
  class_23_tries_seldom_while_the_disk_is_full();
  class_23_drops_lines_where_nobody_reads();
  class_23_writes_again_when_somebody_reads_again();
  class_23_ends_though_nobody_reads();
  writes_to_a_pipe_on_standard_output();
  writes_to_a_socket_on_standard_output();
  writes_to_a_file_on_standard_output();
  ends_right_behind_anything();
  free(contents);
  rmdir(folder);
  return check_result();
}
