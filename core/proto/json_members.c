#include "proto/json_members.h"

#include <endian.h>
#include <stdlib.h>

enum { CAPACITY_FIRST = 32, INSERTION_MAX = 12 };

static uint64_t load_four(const char *bytes) {
  uint32_t loaded;
  memcpy(&loaded, bytes, sizeof loaded);
  return be32toh(loaded);
}

/* As one number, which compares as memcmp does; a name that is shorter has zeros behind it. */
static uint64_t first_of(tg_text name) {
  uint64_t first = 0;
  if (name.size >= 8) {
    memcpy(&first, name.data, 8);
    return be64toh(first);
  }
  size_t missing = 8 - name.size;
  if (missing <= 4) { /* the last four bytes repeat some of the first four */
    uint64_t last = load_four(name.data + name.size - 4) << missing * 8;
    return load_four(name.data) << 32 | (last & UINT32_MAX);
  }
  for (size_t i = 0; i < name.size; i++) first = first << 8 | (unsigned char)name.data[i];
  return name.size > 0 ? first << missing * 8 : 0;
}

static bool grow(tg_json_members *members) {
  size_t capacity = members->capacity > 0 ? members->capacity * 2 : CAPACITY_FIRST;
  if (capacity > SIZE_MAX / sizeof members->list[0]) return false;
  tg_json_member *list = realloc(members->list, capacity * sizeof members->list[0]);
  if (list == NULL) return false;
  members->list = list;
  members->capacity = capacity;
  return true;
}

tg_json_member *tg_json_members_add(tg_json_members *members, tg_text name) {
  if (members->count == members->capacity && !grow(members)) return NULL;
  tg_json_member *member = &members->list[members->count++];
  member->name = name;
  return member;
}

static bool is_before(const tg_json_member *a, const tg_json_member *b) {
  if (a->first != b->first) return a->first < b->first;
  size_t size = a->name.size < b->name.size ? a->name.size : b->name.size;
  int order = size > 0 ? memcmp(a->name.data, b->name.data, size) : 0;
  return order != 0 ? order < 0 : a->name.size < b->name.size;
}

static void insert_each(tg_json_member *list, size_t count) {
  for (size_t i = 1; i < count; i++) {
    if (!is_before(&list[i], &list[i - 1])) continue;
    tg_json_member moved = list[i];
    size_t to = i;
    do {
      list[to] = list[to - 1];
      to--;
    } while (to > 0 && is_before(&moved, &list[to - 1]));
    list[to] = moved;
  }
}

static void sift_down(tg_json_member *list, size_t root, size_t count) {
  tg_json_member moved = list[root];
  size_t child;
  while ((child = 2 * root + 1) < count) {
    if (child + 1 < count && is_before(&list[child], &list[child + 1])) child++;
    if (!is_before(&moved, &list[child])) break;
    list[root] = list[child];
    root = child;
  }
  list[root] = moved;
}

static void heap_sort(tg_json_member *list, size_t count) {
  for (size_t root = count / 2; root > 0; root--) sift_down(list, root - 1, count);
  for (size_t end = count - 1; end > 0; end--) {
    tg_json_member greatest = list[0];
    list[0] = list[end];
    list[end] = greatest;
    sift_down(list, 0, end);
  }
}

void tg_json_members_sort(tg_json_members *members, size_t from) {
  tg_json_member *list = members->list + from;
  size_t count = members->count - from;
  for (size_t i = 0; i < count; i++) list[i].first = first_of(list[i].name);
  if (count <= INSERTION_MAX) insert_each(list, count);
  else heap_sort(list, count);
}

void tg_json_members_free(tg_json_members *members) {
  free(members->list);
  *members = (tg_json_members){0};
}
