#include "proto/target.h"
#include "base/chars.h"
#include "proto/percent.h"
#include "proto/utf8.h"

static bool is_normal(tg_text path, unsigned rules) {
  for (size_t i = 0; i < path.size; i++) {
    if (tg_char_is(path.data[i], TG_CHAR_SEGMENT)) continue;
    if (!tg_char_is(path.data[i], TG_CHAR_PATH)) return false;
    bool begins = i > 0 && path.data[i - 1] == '/';
    if (begins && path.data[i] == '.') return false; /* perhaps a dot segment: look closer */
    if (begins && (rules & TG_PATH_MERGE_SLASHES) != 0) return false;
  }
  return true;
}

static void put_encoded(char **out, unsigned char c) {
  static const char digits[] = "0123456789ABCDEF";
  *(*out)++ = '%';
  *(*out)++ = digits[c >> 4];
  *(*out)++ = digits[c & 15];
}

/* Undoes needless encoding, adds what is needed. `decoded` gets each byte's plain value, for the UTF-8 check. */
static const char *recode(tg_text path, tg_text *coded, tg_text *decoded, char *out, char *plain) {
  *coded = (tg_text){out, 0};
  *decoded = (tg_text){plain, 0};
  for (size_t i = 0; i < path.size; i++) {
    unsigned char c = (unsigned char)path.data[i];
    bool was_encoded = c == '%';
    if (was_encoded) {
      int value = tg_percent_value(path, i);
      if (value < 0) return "bad percent-encoding in the path";
      c = (unsigned char)value;
      i += 2;
    }
    if (c < 0x20 || c == 0x7f) return "control character in the path";
    bool stays = tg_char_is((char)c, was_encoded ? TG_CHAR_UNRESERVED : TG_CHAR_PATH);
    if (stays) *out++ = (char)c;
    else put_encoded(&out, c);
    *plain++ = (char)c;
  }
  coded->size = (size_t)(out - coded->data);
  decoded->size = (size_t)(plain - decoded->data);
  return NULL;
}

static void merge_slashes(tg_text *path) {
  char *out = (char *)path->data;
  for (size_t i = 0; i < path->size; i++) {
    bool is_double = i > 0 && path->data[i] == '/' && out[-1] == '/';
    if (!is_double) *out++ = path->data[i];
  }
  path->size = (size_t)(out - path->data);
}

/* Takes the last segment off what was written; false when there is none to take. */
static bool drop_segment(const char *start, char **out) {
  if (*out == start) return false;
  do (*out)--;
  while (**out != '/');
  return true;
}

/* Resolves "." and ".." in place (RFC 3986 section 5.2.4); false when the path leads above the root. */
static bool resolve_dots(tg_text *path) {
  char *out = (char *)path->data;
  const char *in = path->data, *end = path->data + path->size;
  while (in < end) { /* `in` is at a slash */
    const char *segment = in + 1;
    const char *next = memchr(segment, '/', (size_t)(end - segment));
    if (next == NULL) next = end;
    tg_text name = {segment, (size_t)(next - segment)};
    bool up = tg_text_equal(name, TG_TEXT("..")), dot = up || tg_text_equal(name, TG_TEXT("."));
    if (up && !drop_segment(path->data, &out)) return false;
    if (dot && next == end) *out++ = '/';
    if (!dot) {
      memmove(out, in, (size_t)(next - in));
      out += next - in;
    }
    in = next;
  }
  path->size = (size_t)(out - path->data);
  return true;
}

const char *tg_path_normalize(tg_text path, unsigned rules, tg_arena *arena, tg_text *normal) {
  *normal = path;
  if (path.size == 0 || path.data[0] != '/') return "the path does not begin with a slash";
  if (is_normal(path, rules)) return NULL;
  char *memory = tg_arena_alloc(arena, path.size * 4);
  if (memory == NULL) return "out of memory";
  tg_text decoded;
  const char *wrong = recode(path, normal, &decoded, memory, memory + path.size * 3);
  if (wrong != NULL) return wrong;
  if (!tg_utf8_is_valid(decoded)) return "the path is not UTF-8";
  if ((rules & TG_PATH_MERGE_SLASHES) != 0) merge_slashes(normal);
  return resolve_dots(normal) ? NULL : "the path leads above the root";
}

static bool has_prefix_nocase(tg_text text, tg_text prefix) {
  return text.size >= prefix.size && tg_text_equal_nocase((tg_text){text.data, prefix.size}, prefix);
}

/* Takes "http://host" off an absolute-form target. */
static const char *take_authority(tg_target *target, tg_text *rest) {
  bool tls = has_prefix_nocase(*rest, TG_TEXT("https://"));
  if (!tls && !has_prefix_nocase(*rest, TG_TEXT("http://"))) return "the request target is neither a path nor a URL";
  const char *start = rest->data + (tls ? 8 : 7), *end = rest->data + rest->size, *at = start;
  while (at < end && *at != '/' && *at != '?' && *at != '#') at++;
  target->authority = (tg_text){start, (size_t)(at - start)};
  *rest = (tg_text){at, (size_t)(end - at)};
  return target->authority.size > 0 ? NULL : "the request target has no host";
}

const char *tg_target_parse(tg_target *target, tg_text method, tg_text text, unsigned rules, tg_arena *arena) {
  *target = (tg_target){0};
  if (tg_text_equal(text, TG_TEXT("*"))) {
    target->path = text;
    return tg_text_equal(method, TG_TEXT("OPTIONS")) ? NULL : "only OPTIONS may have the target *";
  }
  const char *wrong = text.size > 0 && text.data[0] == '/' ? NULL : take_authority(target, &text);
  if (wrong != NULL) return wrong;
  if (memchr(text.data, '#', text.size) != NULL) return "a fragment in the request target";
  const char *mark = memchr(text.data, '?', text.size);
  tg_text path = {text.data, mark != NULL ? (size_t)(mark - text.data) : text.size};
  if (mark != NULL) target->query = (tg_text){mark + 1, text.size - path.size - 1};
  if (path.size == 0) path = TG_TEXT("/");
  return tg_path_normalize(path, rules, arena, &target->path);
}
