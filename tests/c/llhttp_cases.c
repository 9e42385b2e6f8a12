/* The cases of llhttp's own tests, where they are: none crashes, and all tell the same however they are cut. What
   they must tell is llhttp's matter, and with some of them its user's. */
#include "check.h"
#include "support/parser_log.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>

enum { LINE_BYTES_MAX = 65536 };

static unsigned replayed;

/* --- the input of a case --- */

/* "\r", "\n", "\t", "\f" and "\x20" written out; "\" at a line's end joins it with the next one. */
static size_t unescape(const char *at, tg_buffer *input) {
  static const char names[] = "rntf", bytes[] = "\r\n\t\f";
  const char *name = at[1] != '\0' ? strchr(names, at[1]) : NULL;
  char hex[3] = {'\0'};
  if (at[1] == '\n') return 2;
  if (name != NULL) {
    tg_buffer_append(input, bytes + (name - names), 1);
    return 2;
  }
  if (at[1] == 'x' && at[2] != '\0' && at[3] != '\0') {
    memcpy(hex, at + 2, 2);
    char byte = (char)strtol(hex, NULL, 16);
    tg_buffer_append(input, &byte, 1);
    return 4;
  }
  tg_buffer_append(input, at, 1);
  return 1;
}

static void append_line(tg_buffer *input, const char *line) {
  while (*line != '\0') {
    if (*line == '\\') {
      line += unescape(line, input);
    } else {
      tg_buffer_append_text(input, *line == '\n' ? TG_TEXT("\r\n") : (tg_text){line, 1});
      line++;
    }
  }
}

/* --- playing it --- */

static void replay(tg_text bytes, tg_http1_role role) {
  for (int finish = 0; finish < 2; finish++) {
    parser_input input = {.bytes = bytes, .role = role, .finish = finish};
    tg_buffer log = parser_log_of_all_cuts(&input);
    tg_buffer_free(&log);
  }
  replayed++;
}

/* The line end before the closing fence belongs to the fence. */
static void end_block(tg_buffer *input, tg_http1_role role) {
  tg_text bytes = tg_buffer_text(input);
  if (bytes.size >= 2 && memcmp(bytes.data + bytes.size - 2, "\r\n", 2) == 0) bytes.size -= 2;
  replay(bytes, role);
  tg_buffer_clear(input);
}

static void read_file(FILE *file, const char *name) {
  static char line[LINE_BYTES_MAX];
  tg_buffer input = {0};
  tg_http1_role role = TG_HTTP1_REQUESTS;
  bool inside = false;
  for (unsigned number = 1; fgets(line, sizeof line, file) != NULL; number++) {
    if (strstr(line, "\"type\": \"re") != NULL) {
      role = strstr(line, "\"type\": \"response") != NULL ? TG_HTTP1_RESPONSES : TG_HTTP1_REQUESTS;
    }
    check_case("%s:%u", name, number);
    if (inside && strncmp(line, "```", 3) == 0) end_block(&input, role);
    if (inside && strncmp(line, "```", 3) != 0) append_line(&input, line);
    inside = strncmp(line, "```", 3) == 0 ? strcmp(line, "```http\n") == 0 : inside;
  }
  check_case(NULL);
  tg_buffer_free(&input);
}

int main(void) {
  glob_t files;
  if (glob(TG_SOURCE_DIR "/../shared/data/llhttp/test/re*/*.md", 0, NULL, &files) != 0) {
    puts("no ../shared/data/llhttp here: its cases were not tried");
    return 0;
  }
  for (size_t i = 0; i < files.gl_pathc; i++) {
    FILE *file = fopen(files.gl_pathv[i], "r");
    if (!CHECK(file != NULL)) continue;
    read_file(file, strrchr(files.gl_pathv[i], '/') + 1);
    fclose(file);
  }
  globfree(&files);
  CHECK(replayed > 200);
  return check_result();
}
