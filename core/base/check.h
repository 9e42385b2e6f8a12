/* Asserts that guard memory, in every build: the process ends with a line that says where, before it reads or writes
   what is not its own. For our own bugs, never for what a peer or a script has sent. */
#ifndef TG_BASE_CHECK_H
#define TG_BASE_CHECK_H

_Noreturn void tg_check_failed(const char *condition, const char *function);

#define TG_CHECK(condition) ((condition) ? (void)0 : tg_check_failed(#condition, __func__))

#endif
