#include "base/chars.h"

enum {
  EVERY = TG_CHAR_TOKEN | TG_CHAR_UNRESERVED | TG_CHAR_PATH | TG_CHAR_HOST,
  SUB = TG_CHAR_TOKEN | TG_CHAR_PATH | TG_CHAR_HOST, /* sub-delims that are tchars as well */
  PATH_HOST = TG_CHAR_PATH | TG_CHAR_HOST,           /* sub-delims that are not */
};

const uint8_t
    tg_char_classes
        [256] =
            {
                ['a' ... 'z'] = EVERY, ['A' ... 'Z'] = EVERY,
                ['0' ... '9'] = EVERY, ['-'] = EVERY,
                ['.'] = EVERY,         ['_'] = EVERY,
                ['~'] = EVERY,         ['!'] = SUB,
                ['$'] = SUB,           ['&'] = SUB,
                ['\''] = SUB,          ['*'] = SUB,
                ['+'] = SUB,           ['('] = PATH_HOST,
                [')'] = PATH_HOST,     [';'] = PATH_HOST,
                ['='] = PATH_HOST,     [':'] = PATH_HOST,
                [','] = TG_CHAR_PATH, /* in a Host field it would be a list of hosts */
                ['@'] = TG_CHAR_PATH, /* user information does not belong into a Host field */
                ['/'] = TG_CHAR_PATH,  ['['] = TG_CHAR_HOST,
                [']'] = TG_CHAR_HOST,  ['%'] = TG_CHAR_TOKEN | TG_CHAR_HOST,
                ['#'] = TG_CHAR_TOKEN, ['^'] = TG_CHAR_TOKEN,
                ['`'] = TG_CHAR_TOKEN, ['|'] = TG_CHAR_TOKEN,
};
