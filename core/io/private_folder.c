#include "io/private_folder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { OTHERS = 0077, OTHERS_WRITE = 0022 };

static const char *check_itself(const struct stat *info, char *text, size_t size) {
  if (info->st_uid != geteuid()) {
    snprintf(text, size, "it belongs to the user %u, and this is the user %u", (unsigned)info->st_uid,
             (unsigned)geteuid());
    return text;
  }
  if ((info->st_mode & OTHERS) == 0) return NULL;
  snprintf(text, size, "its mode is %04o, and must be 0700: others may enter it", (unsigned)info->st_mode & 07777);
  return text;
}

/* In a folder with the sticky bit only its owner removes or renames an entry. */
static const char *check_parent(const struct stat *info) {
  bool is_trusted = info->st_uid == 0 || info->st_uid == geteuid();
  bool is_open = (info->st_mode & OTHERS_WRITE) != 0 && (info->st_mode & S_ISVTX) == 0;
  return is_trusted && !is_open ? NULL
                                : "others may replace it: the folder that it is in is theirs, or theirs to write to";
}

static const char *check(int fd, char *text, size_t size) {
  struct stat itself, parent;
  if (fstat(fd, &itself) < 0 || fstatat(fd, "..", &parent, 0) < 0) return strerror(errno);
  const char *wrong = check_itself(&itself, text, size);
  return wrong != NULL ? wrong : check_parent(&parent);
}

const char *tg_private_folder_check(const char *path, bool make, char *text, size_t size) {
  bool is_made = make && mkdir(path, 0700) == 0;
  if (make && !is_made && errno != EEXIST) return strerror(errno);
  int fd = open(path, O_PATH | O_NOFOLLOW | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return errno == ENOTDIR || errno == ELOOP ? "it is not a folder" : strerror(errno);
  const char *wrong = check(fd, text, size);
  close(fd);
  if (wrong != NULL && is_made) rmdir(path); /* whose it would be in the way of */
  return wrong;
}
