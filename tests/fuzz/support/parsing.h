/* The HTTP/1.1 parser over an input, whole and in pieces: it must tell the same. */
#ifndef TESTS_FUZZ_PARSING_H
#define TESTS_FUZZ_PARSING_H

#include "proto/http1_parser.h"
#include "support/input.h"

void fuzz_parser(tg_text input, tg_http1_role role);

#endif
