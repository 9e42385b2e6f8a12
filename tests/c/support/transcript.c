#include "support/transcript.h"
#include "check.h"
#include "proto/target.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>

enum { LINE_BYTES_MAX = 4096 };

/* --- text with escapes --- */

static int escaped_byte(const char **at) {
  char hex[3] = {(*at)[0], (*at)[0] != '\0' ? (*at)[1] : '\0', '\0'};
  char *end;
  long value = strtol(hex, &end, 16);
  if (end != hex + 2) return -1;
  *at += 2;
  return (int)value;
}

static bool append_text(tg_buffer *buffer, const char *text, const char *end);

/* "{12 text}" behind a backslash: the text, twelve times. */
static bool append_repeated(tg_buffer *buffer, const char **at, const char *end) {
  char *space;
  long times = strtol(*at + 1, &space, 10);
  const char *brace = memchr(*at, '}', (size_t)(end - *at));
  if (*space != ' ' || brace == NULL) return false;
  for (long i = 0; i < times; i++) {
    if (!append_text(buffer, space + 1, brace)) return false;
  }
  *at = brace + 1;
  return true;
}

static bool append_escape(tg_buffer *buffer, const char **at, const char *end) {
  static const char names[] = "rntse0\\", bytes[] = "\r\n\t \x1b\0\\";
  const char *name = strchr(names, **at);
  if (**at == '{') return append_repeated(buffer, at, end);
  if (**at == 'x') {
    (*at)++;
    int value = escaped_byte(at);
    char byte = (char)value;
    return value >= 0 && tg_buffer_append(buffer, &byte, 1);
  }
  if (**at == '\0' || name == NULL) return false;
  (*at)++;
  return tg_buffer_append(buffer, bytes + (name - names), 1);
}

static bool append_text(tg_buffer *buffer, const char *text, const char *end) {
  while (text < end) {
    if (*text != '\\') {
      tg_buffer_append(buffer, text++, 1);
      continue;
    }
    text++;
    if (!append_escape(buffer, &text, end)) return false;
  }
  return true;
}

/* --- lines --- */

static transcript_step *add_step(transcript *is, step_kind kind) {
  transcript_step *last = is->step_count > 0 ? &is->steps[is->step_count - 1] : NULL;
  is->has_answer = is->has_answer || kind >= STEP_ANSWER;
  bool goes_on = last != NULL && last->kind == kind && (kind == STEP_SEND || kind == STEP_ANSWER);
  if (goes_on) return last;
  if (is->step_count == TRANSCRIPT_STEPS_MAX) return NULL;
  transcript_step *step = &is->steps[is->step_count++];
  *step = (transcript_step){.kind = kind};
  return step;
}

/* "> text" is a line with CRLF, ">|text" the bare text. */
static bool add_bytes(transcript *is, step_kind kind, const char *text) {
  transcript_step *step = add_step(is, kind);
  if (step == NULL) return false;
  bool bare = *text == '|';
  if (*text != '\0') text++;
  if (!append_text(&step->bytes, text, text + strlen(text))) return false;
  return bare || tg_buffer_append(&step->bytes, "\r\n", 2);
}

/* "<! 400 why" */
static bool add_refusal(transcript *is, const char *text) {
  transcript_step *step = add_step(is, STEP_REFUSE);
  char *detail;
  if (step == NULL) return false;
  step->status = (unsigned)strtoul(text, &detail, 10);
  if (*detail == ' ') detail++;
  return tg_buffer_append_text(&step->bytes, tg_text_of(detail)) && add_step(is, STEP_CLOSED) != NULL;
}

static bool add_event(transcript *is, const char *text) {
  is->has_events = true;
  if (*text == ' ') text++;
  return append_text(&is->events, text, text + strlen(text)) && tg_buffer_append(&is->events, "\n", 1);
}

static bool add_setting(transcript *is, const char *text) {
  unsigned long long number = 0;
  if (sscanf(text, " body_bytes_max %llu", &number) == 1) is->body_bytes_max = number;
  else if (sscanf(text, " head_bytes_max %llu", &number) == 1) is->head_bytes_max = number;
  else if (sscanf(text, " field_count_max %llu", &number) == 1) is->field_count_max = number;
  else if (strcmp(text, " response") == 0) is->responses = true;
  else if (strcmp(text, " response to HEAD") == 0) is->responses = is->to_head = true;
  else if (strcmp(text, " whole") == 0) is->whole_only = true;
  else if (strcmp(text, " merge_slashes") == 0) is->path_rules = TG_PATH_MERGE_SLASHES;
  else return false;
  return true;
}

static bool add_line(transcript *is, const char *line) {
  switch (*line) {
    case '>':
      if (strcmp(line, ">end") == 0) return add_step(is, STEP_FINISH) != NULL;
      return add_bytes(is, STEP_SEND, line + 1);
    case '<':
      if (strcmp(line, "<end") == 0) return add_step(is, STEP_CLOSED) != NULL;
      if (line[1] == '!') return add_refusal(is, line + 2);
      return add_bytes(is, STEP_ANSWER, line + 1);
    case '=':
      return add_event(is, line + 1);
    case '@':
      return add_setting(is, line + 1);
    default:
      return *line == '#' || *line == '\0';
  }
}

/* --- files --- */

static void end_case(transcript *is, void (*run)(const transcript *)) {
  check_case("%s", is->name);
  if (is->name[0] != '\0') run(is);
  check_case(NULL);
  for (unsigned i = 0; i < is->step_count; i++) tg_buffer_free(&is->steps[i].bytes);
  tg_buffer_free(&is->events);
  *is = (transcript){0};
}

static unsigned read_file(FILE *file, const char *name, void (*run)(const transcript *)) {
  transcript is = {0};
  char line[LINE_BYTES_MAX];
  unsigned cases = 0;
  for (unsigned number = 1; fgets(line, sizeof line, file) != NULL; number++) {
    line[strcspn(line, "\n")] = '\0';
    if (strncmp(line, "--- ", 4) == 0) {
      end_case(&is, run);
      snprintf(is.name, sizeof is.name, "%s:%u: %.100s", name, number, line + 4);
      cases++;
    } else if (!add_line(&is, line)) {
      fprintf(stderr, "%s:%u: cannot be read\n", name, number);
      CHECK(false);
    }
  }
  end_case(&is, run);
  return cases;
}

unsigned transcript_each(void (*run)(const transcript *)) {
  glob_t files;
  unsigned cases = 0;
  if (glob(TG_SOURCE_DIR "/tests/data/http1/*.txt", 0, NULL, &files) != 0) return 0;
  for (size_t i = 0; i < files.gl_pathc; i++) {
    FILE *file = fopen(files.gl_pathv[i], "r");
    if (CHECK(file != NULL)) cases += read_file(file, strrchr(files.gl_pathv[i], '/') + 1, run);
    if (file != NULL) fclose(file);
  }
  globfree(&files);
  return cases;
}

tg_buffer transcript_sent(const transcript *is) {
  tg_buffer sent = {0};
  for (unsigned i = 0; i < is->step_count; i++) {
    if (is->steps[i].kind == STEP_SEND) tg_buffer_append_text(&sent, tg_buffer_text(&is->steps[i].bytes));
  }
  return sent;
}
