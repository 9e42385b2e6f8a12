/* A doubly linked list threaded through its members: no allocation, O(1) removal from the middle.
   A node that is in no list points to itself, so removing it again does nothing. */
#ifndef TG_BASE_LIST_H
#define TG_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

typedef struct tg_list {
  struct tg_list *next;
  struct tg_list *previous;
} tg_list;

/* The structure of type `type` whose member `member` is `node`. */
#define TG_CONTAINER(node, type, member) ((type *)((char *)(node)-offsetof(type, member)))

static inline void tg_list_init(tg_list *list) {
  list->next = list->previous = list;
}

static inline bool tg_list_is_empty(const tg_list *list) {
  return list->next == list;
}

static inline void tg_list_remove(tg_list *node) {
  node->next->previous = node->previous;
  node->previous->next = node->next;
  tg_list_init(node);
}

static inline void tg_list_push_back(tg_list *list, tg_list *node) {
  node->previous = list->previous;
  node->next = list;
  list->previous->next = node;
  list->previous = node;
}

static inline void tg_list_push_front(tg_list *list, tg_list *node) {
  tg_list_push_back(list->next, node);
}

/* The first node, taken off the list; NULL when it is empty. */
static inline tg_list *tg_list_pop_front(tg_list *list) {
  if (tg_list_is_empty(list)) return NULL;
  tg_list *node = list->next;
  tg_list_remove(node);
  return node;
}

/* Moves every node of `from` to the end of `to`. */
static inline void tg_list_move_all(tg_list *to, tg_list *from) {
  if (tg_list_is_empty(from)) return;
  from->next->previous = to->previous;
  from->previous->next = to;
  to->previous->next = from->next;
  to->previous = from->previous;
  tg_list_init(from);
}

#endif
