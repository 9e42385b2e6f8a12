#include "proto/target.h"
#include "check.h"
#include "proto/percent.h"
#include "support/guard.h"

#include <stdio.h>

static guard_page page;

static tg_text placed(tg_text text) {
  return (tg_text){guard_place(&page, text.data, text.size), text.size};
}

static tg_arena new_arena(void) {
  static _Alignas(max_align_t) char memory[64];
  tg_arena arena;
  tg_arena_init(&arena, memory, sizeof memory);
  return arena;
}

/* --- paths --- */

#define ABOVE "the path leads above the root"
#define PERCENT "bad percent-encoding in the path"
#define CONTROL "control character in the path"
#define UTF8 "the path is not UTF-8"
#define SLASH "the path does not begin with a slash"

typedef struct path_case {
  tg_text path;
  const char *normal; /* NULL: refused, and `wrong` says why */
  const char *wrong;
} path_case;

#define PATH(path, normal)                                                                                             \
  { {path, sizeof(path) - 1}, normal, NULL }
#define WRONG(path, wrong)                                                                                             \
  { {path, sizeof(path) - 1}, NULL, wrong }

static const path_case path_cases[] = {
    /* as it is */
    PATH("/", "/"),
    PATH("/a/b.c/~d-e_f", "/a/b.c/~d-e_f"),
    PATH("/!$&'()*+,;=:@", "/!$&'()*+,;=:@"),
    PATH("//a//b/", "//a//b/"),
    PATH("/a;x=1/b;y", "/a;x=1/b;y"),
    PATH("/...", "/..."),
    PATH("/.a/..b/c./d..", "/.a/..b/c./d.."),
    /* encodings */
    PATH("/%61%2d%2E%5f%7e", "/a-._~"),
    PATH("/%2f%2F", "/%2F%2F"),
    PATH("/a%2f..%2fb", "/a%2F..%2Fb"),
    PATH("/%c3%a4", "/%C3%A4"),
    PATH("/\xc3\xa4", "/%C3%A4"),
    PATH("/a%20b", "/a%20b"),
    PATH("/a b", "/a%20b"),
    PATH("/%25", "/%25"),
    PATH("/%252e%252e/a", "/%252e%252e/a"),
    PATH("/%3f%23%3F", "/%3F%23%3F"),
    PATH("/%3B%3d%40", "/%3B%3D%40"),
    PATH("/\\..\\a", "/%5C..%5Ca"),
    PATH("/%5c", "/%5C"),
    PATH("/\"<>^`{|}[]", "/%22%3C%3E%5E%60%7B%7C%7D%5B%5D"),
    PATH("/%f0%9f%98%80", "/%F0%9F%98%80"),
    /* dot segments */
    PATH("/.", "/"),
    PATH("/./", "/"),
    PATH("/a/.", "/a/"),
    PATH("/a/./b", "/a/b"),
    PATH("/a/..", "/"),
    PATH("/a/../", "/"),
    PATH("/a/../b", "/b"),
    PATH("/a/b/../../c", "/c"),
    PATH("/a/b/..", "/a/"),
    PATH("/a//../b", "/a/b"),
    PATH("//..", "/"),
    PATH("/a/%2e%2E/b", "/b"),
    PATH("/a/.%2e/b", "/b"),
    PATH("/a/%2e/b", "/a/b"),
    PATH("/a/..;x/b", "/a/..;x/b"),
    PATH("/%C3%A4/../b", "/b"),
    /* above the root */
    WRONG("/..", ABOVE),
    WRONG("/../", ABOVE),
    WRONG("/../a", ABOVE),
    WRONG("/a/../..", ABOVE),
    WRONG("/a/../../b", ABOVE),
    WRONG("/./..", ABOVE),
    WRONG("/%2e%2e/a", ABOVE),
    WRONG("/%2E./a", ABOVE),
    WRONG("/a/%2e./%2E%2E/etc", ABOVE),
    WRONG("//../..//..", ABOVE),
    /* bad encodings */
    WRONG("/%", PERCENT),
    WRONG("/%4", PERCENT),
    WRONG("/a%zz", PERCENT),
    WRONG("/%%32%65", PERCENT),
    WRONG("/%u002e", PERCENT),
    /* control bytes */
    WRONG("/a\0b", CONTROL),
    WRONG("/a%00", CONTROL),
    WRONG("/%0d%0aHost:x", CONTROL),
    WRONG("/\n", CONTROL),
    WRONG("/%7f", CONTROL),
    WRONG("/\x7f", CONTROL),
    WRONG("/%1f", CONTROL),
    /* not UTF-8 */
    WRONG("/%c0%ae%c0%ae/a", UTF8),
    WRONG("/%c0%af", UTF8),
    WRONG("/\xc0\xaf", UTF8),
    WRONG("/%e0%80%af", UTF8),
    WRONG("/%f0%80%80%af", UTF8),
    WRONG("/%fc%80%80%80%80%af", UTF8),
    WRONG("/%ed%a0%80", UTF8),
    WRONG("/%ff", UTF8),
    WRONG("/%c3", UTF8),
    WRONG("/%c3/%a4", UTF8),
    WRONG("/\xe4", UTF8),
    /* no path */
    WRONG("", SLASH),
    WRONG("a", SLASH),
    WRONG("%2fa", SLASH),
    WRONG("\\a", SLASH),
};

static void normalizes_paths(void) {
  for (size_t i = 0; i < sizeof path_cases / sizeof path_cases[0]; i++) {
    const path_case *is = &path_cases[i];
    tg_arena arena = new_arena();
    tg_text normal;
    check_case("path %.*s", (int)is->path.size, is->path.data);
    const char *wrong = tg_path_normalize(placed(is->path), 0, &arena, &normal);
    CHECK_STRING(wrong, is->wrong);
    if (wrong == NULL && is->normal != NULL) CHECK_TEXT(normal, tg_text_of(is->normal));
    tg_arena_free(&arena);
  }
  check_case(NULL);
}

static bool has_dot_segment(tg_text path) {
  while (path.size > 0) {
    const char *next = memchr(path.data + 1, '/', path.size - 1);
    size_t size = next != NULL ? (size_t)(next - path.data) : path.size;
    tg_text segment = {path.data + 1, size - 1};
    if (tg_text_equal(segment, TG_TEXT(".")) || tg_text_equal(segment, TG_TEXT(".."))) return true;
    path = (tg_text){path.data + size, path.size - size};
  }
  return false;
}

/* What every normal path is, whatever it came from. */
static void check_normal(tg_text normal) {
  tg_arena arena = new_arena();
  tg_text again;
  CHECK(normal.size > 0 && normal.data[0] == '/');
  CHECK(!has_dot_segment(normal));
  for (size_t i = 0; i < normal.size; i++)
    CHECK(normal.data[i] > ' ' && strchr("\\?#\"<>\x7f", normal.data[i]) == NULL);
  CHECK(tg_path_normalize(normal, 0, &arena, &again) == NULL);
  CHECK_TEXT(again, normal);
  tg_arena_free(&arena);
}

/* All paths of up to `left` pieces. */
static unsigned walk(char *path, size_t size, int left) {
  static const char *const pieces[] = {"/", ".", "..", "a", "%2e", "%2F", "\\", "%5C", "%", "\xc3", "%a4"};
  unsigned refused = 0;
  tg_arena arena = new_arena();
  tg_text normal;
  check_case("path %.*s", (int)size, path);
  if (tg_path_normalize(placed((tg_text){path, size}), 0, &arena, &normal) == NULL) check_normal(normal);
  else refused++;
  tg_arena_free(&arena);
  for (size_t i = 0; left > 0 && i < sizeof pieces / sizeof pieces[0]; i++) {
    size_t more = strlen(pieces[i]);
    memcpy(path + size, pieces[i], more);
    refused += walk(path, size + more, left - 1);
  }
  return refused;
}

static void is_sound_for_all_short_paths(void) {
  char path[64] = "/";
  CHECK(walk(path, 1, 4) > 1000);
  check_case(NULL);
}

static void is_sound_for_known_traversals(void) {
  FILE *lines = popen("gzip -dc '" TG_SOURCE_DIR "/../shared/data/traversal/traversal.txt.gz' 2>/dev/null", "r");
  char path[8192] = "/";
  unsigned count = 0;
  while (lines != NULL && fgets(path + 1, sizeof path - 1, lines) != NULL) {
    tg_arena arena = new_arena();
    tg_text normal;
    check_case("path %.200s", path);
    if (tg_path_normalize(placed((tg_text){path, strcspn(path, "\n")}), 0, &arena, &normal) == NULL)
      check_normal(normal);
    tg_arena_free(&arena);
    count++;
  }
  check_case(NULL);
  if (lines != NULL) pclose(lines);
  if (count == 0) puts("no ../shared/data/traversal here: its paths were not tried");
}

/* --- targets --- */

typedef struct target_case {
  const char *method, *target;
  const char *path, *query, *authority; /* NULL: there is none; a NULL path: refused */
} target_case;

static const target_case target_cases[] = {
    {"GET", "/", "/", NULL, NULL},
    {"GET", "/a?b=c", "/a", "b=c", NULL},
    {"GET", "/a?", "/a", "", NULL},
    {"GET", "/a?b?c/../d", "/a", "b?c/../d", NULL},
    {"GET", "/a/../b?%zz", "/b", "%zz", NULL},
    {"GET", "//host/a", "//host/a", NULL, NULL},
    {"GET", "http://h", "/", NULL, "h"},
    {"GET", "http://h/", "/", NULL, "h"},
    {"GET", "http://h?q", "/", "q", "h"},
    {"GET", "HTTP://h:80/a/./b?q", "/a/b", "q", "h:80"},
    {"GET", "https://[::1]:443/a", "/a", NULL, "[::1]:443"},
    {"GET", "http://u@h/a", "/a", NULL, "u@h"}, /* whether it is a host is the request's check */
    {"OPTIONS", "*", "*", NULL, NULL},
    {"OPTIONS", "/a", "/a", NULL, NULL},
    {"GET", "*", NULL, NULL, NULL},
    {"OPTIONS", "*/", NULL, NULL, NULL},
    {"GET", "", NULL, NULL, NULL},
    {"GET", "a/b", NULL, NULL, NULL},
    {"GET", "?a", NULL, NULL, NULL},
    {"GET", "/a#b", NULL, NULL, NULL},
    {"GET", "/a?b#c", NULL, NULL, NULL},
    {"GET", "http://h#c", NULL, NULL, NULL},
    {"GET", "http://", NULL, NULL, NULL},
    {"GET", "http:///a", NULL, NULL, NULL},
    {"GET", "http:/a", NULL, NULL, NULL},
    {"GET", "ftp://h/a", NULL, NULL, NULL},
    {"GET", "h:443", NULL, NULL, NULL},
    {"GET", "http://h/..", NULL, NULL, NULL},
};

static void check_part(tg_text part, const char *expected) {
  CHECK_NUMBER(part.data != NULL, expected != NULL);
  if (expected != NULL) CHECK_TEXT(part, tg_text_of(expected));
}

static void parses_targets(void) {
  for (size_t i = 0; i < sizeof target_cases / sizeof target_cases[0]; i++) {
    const target_case *is = &target_cases[i];
    tg_arena arena = new_arena();
    tg_target target;
    check_case("%s %s", is->method, is->target);
    const char *wrong = tg_target_parse(&target, tg_text_of(is->method), placed(tg_text_of(is->target)), 0, &arena);
    CHECK_NUMBER(wrong == NULL, is->path != NULL);
    if (wrong == NULL && is->path != NULL) {
      CHECK_TEXT(target.path, tg_text_of(is->path));
      check_part(target.query, is->query);
      check_part(target.authority, is->authority);
    }
    tg_arena_free(&arena);
  }
  check_case(NULL);
}

int main(void) {
  page = guard_open(8192);
  normalizes_paths();
  is_sound_for_all_short_paths();
  is_sound_for_known_traversals();
  parses_targets();
  guard_close(&page);
  return check_result();
}
