#include "base/list.h"
#include "check.h"

typedef struct item {
  int number;
  tg_list node;
} item;

static item items[5];
static tg_list list;

static void fill(int count) {
  tg_list_init(&list);
  for (int i = 0; i < count; i++) {
    items[i].number = i;
    tg_list_push_back(&list, &items[i].node);
  }
}

/* The numbers of the list as digits of one number, checked in both directions: 0, 1, 2 is 1012 behind a 1. */
static int digits(const tg_list *of) {
  int forward = 1, count = 0, backward = 1;
  for (tg_list *node = of->next; node != of; node = node->next, count++) {
    forward = forward * 10 + TG_CONTAINER(node, item, node)->number;
  }
  for (tg_list *node = of->previous; node != of; node = node->previous) count--, backward++;
  CHECK_NUMBER(count, 0);
  return forward;
}

static void keeps_order(void) {
  fill(3);
  CHECK_NUMBER(digits(&list), 1012);
  tg_list_push_front(&list, &items[3].node);
  items[3].number = 3;
  CHECK_NUMBER(digits(&list), 13012);
}

static void removes_anywhere_and_twice(void) {
  fill(4);
  tg_list_remove(&items[1].node);
  CHECK_NUMBER(digits(&list), 1023);
  CHECK(tg_list_is_empty(&items[1].node));
  tg_list_remove(&items[1].node);
  CHECK_NUMBER(digits(&list), 1023);
  tg_list_remove(&items[3].node);
  tg_list_remove(&items[0].node);
  CHECK_NUMBER(digits(&list), 12);
  tg_list_remove(&items[2].node);
  CHECK(tg_list_is_empty(&list));
}

static void pops_until_empty(void) {
  fill(2);
  CHECK(tg_list_pop_front(&list) == &items[0].node);
  CHECK(tg_list_is_empty(&items[0].node));
  CHECK(tg_list_pop_front(&list) == &items[1].node);
  CHECK(tg_list_pop_front(&list) == NULL);
  CHECK(tg_list_is_empty(&list));
}

static void moves_all_behind(void) {
  tg_list other;
  tg_list_init(&other);
  fill(2);
  tg_list_move_all(&list, &other);
  CHECK_NUMBER(digits(&list), 101);
  tg_list_push_back(&other, &items[4].node);
  items[4].number = 4;
  tg_list_move_all(&other, &list);
  CHECK_NUMBER(digits(&other), 1401);
  CHECK(tg_list_is_empty(&list));
}

int main(void) {
  keeps_order();
  removes_anywhere_and_twice();
  pops_until_empty();
  moves_all_behind();
  return check_result();
}
