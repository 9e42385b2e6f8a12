#include "base/chars.h"

enum {
  PATH = TG_CHAR_PATH | TG_CHAR_SEGMENT,
  DOT = TG_CHAR_TOKEN | TG_CHAR_UNRESERVED | TG_CHAR_PATH | TG_CHAR_HOST,
  EVERY = DOT | TG_CHAR_SEGMENT,
  SUB = TG_CHAR_TOKEN | PATH | TG_CHAR_HOST, /* sub-delims that are tchars as well */
  PATH_HOST = PATH | TG_CHAR_HOST,           /* sub-delims that are not */
};

const uint8_t tg_char_classes[256] = {
    ['a' ... 'z'] = EVERY, ['A' ... 'Z'] = EVERY, ['0' ... '9'] = EVERY, ['-'] = EVERY,
    ['.'] = DOT,           ['_'] = EVERY,         ['~'] = EVERY,         ['!'] = SUB,
    ['$'] = SUB,           ['&'] = SUB,           ['\''] = SUB,          ['*'] = SUB,
    ['+'] = SUB,           ['('] = PATH_HOST,     [')'] = PATH_HOST,     [';'] = PATH_HOST,
    ['='] = PATH_HOST,     [':'] = PATH_HOST,     [','] = PATH, /* in a Host field it would be a list of hosts */
    ['@'] = PATH,                                               /* user information does not belong into a Host field */
    ['/'] = TG_CHAR_PATH,  ['['] = TG_CHAR_HOST,  [']'] = TG_CHAR_HOST,  ['%'] = TG_CHAR_TOKEN | TG_CHAR_HOST,
    ['#'] = TG_CHAR_TOKEN, ['^'] = TG_CHAR_TOKEN, ['`'] = TG_CHAR_TOKEN, ['|'] = TG_CHAR_TOKEN,
};
