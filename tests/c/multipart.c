/* The multipart parser against bodies written as tables: whole, byte by byte, and cut at every position, in memory that
   ends at a guard page. What it tells is written down as lines:

     part name                       a part's name
     file name                       … and its file's
     Name: value                     its fields
     body hello                      its body, in one line however it came
     end                             of the part
     done                            the body is whole
     error 400 why                   it is refused */
#include "proto/multipart.h"
#include "check.h"
#include "support/guard.h"

#include <stdlib.h>

static const char content_type[] = "multipart/form-data; boundary=b";

typedef struct input {
  const char *content_type;
  tg_text bytes;
  tg_multipart_limits limits; /* 0: the default */
} input;

/* --- the log --- */

typedef struct reader {
  tg_multipart parser;
  tg_buffer log;
  bool in_body;
  unsigned events;
} reader;

static void put(reader *is, const char *label, tg_text text) {
  tg_buffer_append_text(&is->log, tg_text_of(label));
  tg_buffer_append_text(&is->log, text);
}

static void put_part(reader *is) {
  const tg_multipart *parser = &is->parser;
  put(is, "part ", parser->disposition.name);
  if (parser->disposition.filename.data != NULL) put(is, "\nfile ", parser->disposition.filename);
  for (unsigned i = 0; i < parser->head.field_count; i++) {
    put(is, "\n", parser->head.fields[i].name);
    put(is, ": ", parser->head.fields[i].value);
  }
  put(is, "\n", TG_TEXT(""));
}

static void put_error(reader *is) {
  put(is, is->in_body ? "\nerror " : "error ", TG_TEXT(""));
  tg_buffer_append_number(&is->log, is->parser.error_status);
  put(is, " ", tg_text_of(is->parser.error_text));
}

/* False at the error. */
static bool feed(reader *is, tg_text bytes) {
  tg_multipart_event event;
  while ((event = tg_multipart_next(&is->parser, &bytes)) != TG_MULTIPART_MORE) {
    is->events++;
    if (event == TG_MULTIPART_ERROR) return false;
    if (event == TG_MULTIPART_PART) put_part(is);
    if (event == TG_MULTIPART_PART_END) put(is, is->in_body ? "\nend\n" : "end\n", TG_TEXT(""));
    if (event == TG_MULTIPART_BODY && CHECK(is->parser.piece.size > 0)) {
      put(is, is->in_body ? "" : "body ", is->parser.piece);
    }
    is->in_body = event == TG_MULTIPART_BODY;
  }
  CHECK_NUMBER(bytes.size, 0);
  return true;
}

static tg_multipart_limits limits_of(const input *of) {
  tg_multipart_limits limits = tg_multipart_limits_default;
  if (of->limits.part_count_max != 0) limits.part_count_max = of->limits.part_count_max;
  if (of->limits.part_head_bytes_max != 0) limits.part_head_bytes_max = of->limits.part_head_bytes_max;
  if (of->limits.part_field_count_max != 0) limits.part_field_count_max = of->limits.part_field_count_max;
  return limits;
}

/* Feeds first `first` bytes, then pieces of `piece` bytes. The log is the caller's to free. */
static tg_buffer log_of(const input *of, guard_page *page, size_t first, size_t piece) {
  reader is = {0};
  tg_multipart_limits limits = limits_of(of);
  tg_text type = {guard_place(page, of->content_type, strlen(of->content_type)), strlen(of->content_type)};
  bool fine = tg_multipart_init(&is.parser, type, &limits);
  for (size_t at = 0, size = first; fine && at < of->bytes.size; at += size, size = piece) {
    if (size > of->bytes.size - at) size = of->bytes.size - at;
    fine = feed(&is, (tg_text){guard_place(page, of->bytes.data + at, size), size});
  }
  if (fine) fine = tg_multipart_finish(&is.parser);
  if (fine) put(&is, "done", TG_TEXT(""));
  else put_error(&is);
  if (!fine) CHECK(!tg_multipart_finish(&is.parser)); /* it stays refused */
  tg_multipart_free(&is.parser);
  return is.log;
}

static bool is_same(const input *of, guard_page *page, tg_text expected, size_t first, size_t piece) {
  tg_buffer log = log_of(of, page, first, piece);
  bool same = CHECK_TEXT(tg_buffer_text(&log), expected);
  if (!same) CHECK_NUMBER(first, piece); /* says where it was cut */
  tg_buffer_free(&log);
  return same;
}

static void replay(const input *of, tg_text expected) {
  size_t size = of->bytes.size;
  guard_page page = guard_open(size + strlen(of->content_type));
  bool same = is_same(of, &page, expected, size, size) && is_same(of, &page, expected, 1, 1);
  for (size_t cut = 1; same && cut < size; cut++) same = is_same(of, &page, expected, cut, size);
  guard_close(&page);
}

/* --- bodies --- */

#define A "--b\r\nContent-Disposition: form-data; name=a\r\n\r\n"
#define LOG_A "part a\nContent-Disposition: form-data; name=a\n"
#define LAST "\r\n--b--"
#define LINE "a boundary is followed by something other than the end of its line"
#define TORN "error 400 the body ends before its last boundary"

typedef struct body_case {
  const char *name;
  tg_text bytes;
  tg_text log;
} body_case;

#define BODY(name, bytes, log)                                                                                         \
  {                                                                                                                    \
    name, {bytes, sizeof(bytes) - 1}, {                                                                                \
      log, sizeof(log) - 1                                                                                             \
    }                                                                                                                  \
  }

static const body_case bodies[] = {
    BODY("one field", A "hello" LAST, LOG_A "body hello\nend\ndone"),
    BODY("a line's end behind it", A "hello" LAST "\r\n", LOG_A "body hello\nend\ndone"),
    BODY("empty body", A LAST, LOG_A "end\ndone"),
    BODY("bytes of all kinds", A "\0\r\n\n\r\xff" LAST, LOG_A "body \0\r\n\n\r\xff\nend\ndone"),
    BODY("two", A "1\r\n" A "2" LAST, LOG_A "body 1\nend\n" LOG_A "body 2\nend\ndone"),
    BODY("a file",
         "--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"x y.txt\"\r\nContent-Type: text/plain\r\n\r\n"
         "text" LAST,
         "part f\nfile x y.txt\nContent-Disposition: form-data; name=\"f\"; filename=\"x y.txt\"\n"
         "Content-Type: text/plain\nbody text\nend\ndone"),
    BODY("no part", "--b--", "done"),
    BODY("no part, with line ends", "--b--\r\n\r\n", "done"),
    BODY("preamble", "for people\r\n--\r\n" A "1" LAST, LOG_A "body 1\nend\ndone"),
    BODY("preamble of a line", "\r\n" A "1" LAST, LOG_A "body 1\nend\ndone"),
    BODY("preamble with the boundary within a line", "x" A "1" LAST, "done"),
    BODY("epilogue", A "1" LAST "\r\n" A "2" LAST, LOG_A "body 1\nend\ndone"),
    BODY("padding", "--b \t \r\nContent-Disposition: form-data; name=a\r\n\r\n1" LAST " \t \r\nx",
         LOG_A "body 1\nend\ndone"),
    BODY("blanks around a value", "--b\r\nContent-Disposition:\t form-data; name=a \t\r\n\r\n1" LAST,
         LOG_A "body 1\nend\ndone"),
    /* what is nearly a boundary */
    BODY("dashes", A "-\r\n-\r\n--\r\n--\r--b\n--b\r\r\n--a" LAST,
         LOG_A "body -\r\n-\r\n--\r\n--\r--b\n--b\r\r\n--a\nend\ndone"),
    BODY("CRs before it", A "\r\r\r" LAST, LOG_A "body \r\r\r\nend\ndone"),
    BODY("line ends before it", A "\r\n\r\n" LAST, LOG_A "body \r\n\r\n\nend\ndone"),
    BODY("dashes at the body's start", A "-" LAST, LOG_A "body -\nend\ndone"),
    BODY("two dashes at the body's start", A "--" LAST, LOG_A "body --\nend\ndone"),
    BODY("another boundary at the body's start", A "--a" LAST, LOG_A "body --a\nend\ndone"),
    BODY("the boundary in upper case", A "\r\n--B--" LAST, LOG_A "body \r\n--B--\nend\ndone"),
    /* torn */
    BODY("nothing", "", TORN),
    BODY("only a preamble", "x\r\n", TORN),
    BODY("no head", "--b\r\n", TORN),
    BODY("half a head", "--b\r\nContent-Disp", TORN),
    BODY("half a body", A "hel", LOG_A "body hel\n" TORN),
    BODY("half a boundary", A "hel\r\n--", LOG_A "body hel\n" TORN),
    BODY("no last boundary", A "1\r\n--b\r\n", LOG_A "body 1\nend\n" TORN),
    BODY("half a last boundary", A "1\r\n--b-", LOG_A "body 1\n" TORN),
    BODY("half of its line's end", A "1" LAST "\r", LOG_A "body 1\nend\n" TORN),
    /* where parsers disagree */
    BODY("a longer boundary", A "1\r\n--bc", LOG_A "body 1\nerror 400 " LINE),
    BODY("a bare LF behind a boundary", "--b\n", "error 400 " LINE),
    BODY("a bare CR behind a boundary", "--b\rx", "error 400 " LINE),
    BODY("one dash behind a boundary", "--b-\r\n", "error 400 " LINE),
    BODY("dashes behind blanks", "--b --", "error 400 " LINE),
    BODY("a longer last boundary", A "1" LAST "x", LOG_A "body 1\nend\nerror 400 " LINE),
    BODY("a bare LF behind the last boundary", A "1" LAST "\n", LOG_A "body 1\nend\nerror 400 " LINE),
    BODY("a boundary at the body's start", A "--b--",
         LOG_A "error 400 a boundary stands where the body of a part begins"),
    BODY("bare LF in a head", "--b\r\nA: 1\n", "error 400 a header line of a part ends without CRLF"),
    BODY("bare LF for the empty line", "--b\r\nA: 1\r\n\n", "error 400 a header line of a part ends without CRLF"),
    BODY("bare CR in a head", "--b\r\nA: 1\rB: 2\r\n\r\n", "error 400 a header line of a part has a control character"),
    BODY("NUL in a head", "--b\r\nA: \0\r\n\r\n", "error 400 a header line of a part has a control character"),
    BODY("DEL in a head", "--b\r\nA: \x7f\r\n\r\n", "error 400 a header line of a part has a control character"),
    BODY("a folded line", "--b\r\nA: 1\r\n 2\r\n\r\n", "error 400 a header line of a part is folded"),
    BODY("no colon", "--b\r\nA\r\n\r\n", "error 400 a header line of a part is not a name, a colon and a value"),
    BODY("no name", "--b\r\n: 1\r\n\r\n", "error 400 a header line of a part is not a name, a colon and a value"),
    BODY("a blank before the colon", "--b\r\nA : 1\r\n\r\n",
         "error 400 a header line of a part is not a name, a colon and a value"),
    BODY("a boundary in a head", "--b\r\n--b\r\n\r\n",
         "error 400 a header line of a part is not a name, a colon and a value"),
    BODY("no head at all", "--b\r\n\r\n1" LAST, "error 400 a part has no Content-Disposition"),
    BODY("no Content-Disposition", "--b\r\nA: 1\r\n\r\n1" LAST, "error 400 a part has no Content-Disposition"),
    BODY("two", "--b\r\nContent-Disposition: form-data; name=a\r\ncontent-disposition: form-data; name=b\r\n\r\n",
         "error 400 a part has two Content-Dispositions"),
    BODY("two types", "--b\r\nContent-Type: a/b\r\ncontent-type: a/b\r\n\r\n",
         "error 400 a part has two Content-Types"),
    BODY("an encoding", "--b\r\nContent-Transfer-Encoding: base64\r\n\r\n",
         "error 400 a part has a Content-Transfer-Encoding other than binary, 8bit and 7bit"),
    BODY("an encoding that is none",
         "--b\r\nContent-Transfer-Encoding: Binary\r\nContent-Disposition: form-data; name=a\r\n\r\n" LAST,
         "part a\nContent-Transfer-Encoding: Binary\nContent-Disposition: form-data; name=a\nend\ndone"),
};

static void reads_bodies(void) {
  for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
    check_case("%s", bodies[i].name);
    replay(&(input){.content_type = content_type, .bytes = bodies[i].bytes}, bodies[i].log);
  }
  check_case(NULL);
}

/* --- limits --- */

#define HEAD_40 "Content-Disposition: form-data; name=a\r\n"

static void keeps_to_limits(void) {
  static const struct {
    const char *name;
    tg_multipart_limits limits;
    body_case is;
  } cases[] = {
      {"parts", {.part_count_max = 2}, BODY("", A "1\r\n" A "2" LAST, LOG_A "body 1\nend\n" LOG_A "body 2\nend\ndone")},
      {"too many parts", {.part_count_max = 1}, BODY("", A "1\r\n" A, LOG_A "body 1\nend\nerror 413 too many parts")},
      {"a head", {.part_head_bytes_max = 42}, BODY("", A LAST, LOG_A "end\ndone")},
      {"too large a head", {.part_head_bytes_max = 41}, BODY("", A, "error 413 the head of a part is too large")},
      {"a line without an end",
       {.part_head_bytes_max = 10},
       BODY("", "--b\r\nAAAAAAAAAAA", "error 413 the head of a part is too large")},
      {"the same for each part",
       {.part_head_bytes_max = 42},
       BODY("", A "1\r\n" A "2" LAST, LOG_A "body 1\nend\n" LOG_A "body 2\nend\ndone")},
      {"header lines",
       {.part_field_count_max = 2},
       BODY("", "--b\r\nA:\r\n" HEAD_40 "\r\n" LAST,
            "part a\nA: \n"
            "Content-Disposition: form-data; name=a\nend\ndone")},
      {"too many header lines",
       {.part_field_count_max = 1},
       BODY("", "--b\r\nA:\r\n" HEAD_40 "\r\n", "error 413 a part has too many header lines")},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    check_case("%s", cases[i].name);
    input of = {content_type, cases[i].is.bytes, cases[i].limits};
    replay(&of, cases[i].is.log);
  }
  check_case(NULL);
}

/* --- names --- */

static void check_name(const char *disposition, const char *expected) {
  tg_buffer body = {0};
  check_case("%s", disposition);
  tg_buffer_append_text(&body, tg_text_of("--b\r\nContent-Disposition: "));
  tg_buffer_append_text(&body, tg_text_of(disposition));
  tg_buffer_append_text(&body, tg_text_of("\r\n\r\n\r\n--b--"));
  guard_page page = guard_open(body.end);
  tg_buffer log = log_of(&(input){.content_type = content_type, .bytes = tg_buffer_text(&body)}, &page, 1, 1);
  tg_text text = tg_buffer_text(&log);
  const char *fields = memmem(text.data, text.size, "\nContent-Disposition: ", 22);
  if (fields != NULL) text.size = (size_t)(fields - text.data);
  CHECK_TEXT(text, tg_text_of(expected));
  guard_close(&page);
  tg_buffer_free(&log);
  tg_buffer_free(&body);
}

#define BAD "error 400 bad parameters in Content-Disposition"
#define TWICE "error 400 a parameter of Content-Disposition comes twice"
#define STAR "error 400 bad filename* in Content-Disposition"
#define UTF8 "error 400 a name in Content-Disposition is not UTF-8"

static void reads_names(void) {
  static const char *const cases[][2] = {
      {"form-data; name=a", "part a"},
      {"form-data; name=\"a\"", "part a"},
      {"Form-Data ;NAME=a; FileName=f", "part a\nfile f"},
      {"form-data; filename=\"f\"; name=\"a\"", "part a\nfile f"},
      {"form-data;name=a;filename=f;", "part a\nfile f"},
      {"form-data; ; name=a", "part a"},
      {"form-data; name=\"\"; filename=\"\"", "part \nfile "},
      {"form-data; name=a; size=3; x=\"y\"", "part a"},
      {"form-data; name=\"a;b=c, d\"", "part a;b=c, d"},
      {"form-data; name=\"\xc3\xa4\"; filename=\"\xf0\x9f\x98\x80.png\"", "part \xc3\xa4\nfile \xf0\x9f\x98\x80.png"},
      /* escapes of browsers, and of nobody else */
      {"form-data; name=\"a%22b%0D%0Ac\"", "part a\"b\r\nc"},
      {"form-data; name=\"a%41%0a%0d%2\"; filename=\"100%\"", "part a%41%0a%0d%2\nfile 100%"},
      {"form-data; name=a%22b", "part a%22b"},
      {"form-data; name=\"a\\\"b\\\\c\"", "part a\"b\\c"},
      {"form-data; name=a; filename=\"C:\\temp\\x.txt\"", "part a\nfile C:\\temp\\x.txt"},
      {"form-data; name=\"\\\\%22\\%22\"", "part \\\"\\\""},
      {"form-data; name=a; filename=\"../../etc/passwd\"", "part a\nfile ../../etc/passwd"},
      /* RFC 8187 */
      {"form-data; name=a; filename*=UTF-8''%c3%a4%20b.txt", "part a\nfile \xc3\xa4 b.txt"},
      {"form-data; name=a; filename*=utf-8'en'x; filename=y", "part a\nfile x"},
      {"form-data; name=a; filename=y; filename*=utf-8''x", "part a\nfile x"},
      {"form-data; name=a; filename*=UTF-8''", "part a\nfile "},
      {"form-data; name=a; filename*=ISO-8859-1''x", STAR},
      {"form-data; name=a; filename*=x", STAR},
      {"form-data; name=a; filename*=UTF-8'x", STAR},
      {"form-data; name=a; filename*=\"UTF-8''x\"", STAR},
      {"form-data; name=a; filename*=UTF-8''%", STAR},
      {"form-data; name=a; filename*=UTF-8''%zz", STAR},
      {"form-data; name=a; filename*=UTF-8''a%00b", STAR},
      {"form-data; name=a; filename*=UTF-8''%ff", STAR},
      {"form-data; name=a; filename*=UTF-8''a'b", STAR},
      /* none */
      {"form-data", "error 400 a part has no name"},
      {"form-data; filename=f", "error 400 a part has no name"},
      {"attachment; name=a", "error 400 the Content-Disposition of a part is not form-data"},
      {"", "error 400 the Content-Disposition of a part is not form-data"},
      {"form-data name=a", "error 400 the Content-Disposition of a part is not form-data"},
      {"form-data; name", BAD},
      {"form-data; name=", BAD},
      {"form-data; name = a", BAD},
      {"form-data; name=\"a", BAD},
      {"form-data; name=\"a\\\"", BAD},
      {"form-data; name=\"a\"b", BAD},
      {"form-data; name=a b", BAD},
      {"form-data; name=a, form-data; name=b", BAD},
      {"form-data; =a", BAD},
      {"form-data; name=a; name=b", TWICE},
      {"form-data; name=a; NAME=\"a\"", TWICE},
      {"form-data; name=a; filename=x; filename=y", TWICE},
      {"form-data; name=a; filename*=UTF-8''x; filename*=UTF-8''y", TWICE},
      {"form-data; name=\"\xe4\"", UTF8},
      {"form-data; name=a; filename=\"\xc0\xaf\"", UTF8},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) check_name(cases[i][0], cases[i][1]);
  check_case(NULL);
}

/* --- the boundary --- */

#define B70 "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ01234567"

static void check_boundary(const char *type, const char *boundary, const char *wrong) {
  tg_multipart parser;
  guard_page page = guard_open(strlen(type));
  check_case("%s", type);
  tg_text placed = {guard_place(&page, type, strlen(type)), strlen(type)};
  CHECK_NUMBER(tg_multipart_init(&parser, placed, &tg_multipart_limits_default), boundary != NULL);
  CHECK_STRING(parser.error_text, wrong);
  if (boundary != NULL) {
    CHECK_TEXT(((tg_text){parser.delimiter + 4, parser.delimiter_size - 4}), tg_text_of(boundary));
  } else {
    bool is_other = strcmp(wrong, "the body is not multipart/form-data") == 0;
    CHECK_NUMBER(parser.error_status, is_other ? 415 : 400);
    CHECK_NUMBER(tg_multipart_next(&parser, &placed), TG_MULTIPART_ERROR);
  }
  tg_multipart_free(&parser);
  guard_close(&page);
}

static void reads_boundaries(void) {
  static const char none[] = "the boundary in Content-Type is not valid",
                    other[] = "the body is not multipart/form-data";
  static const char *const cases[][3] = {
      {"multipart/form-data; boundary=b", "b", NULL},
      {"Multipart/Form-Data ;charset=utf-8;BOUNDARY=\"b\"", "b", NULL},
      {"multipart/form-data; boundary=----WebKitFormBoundary7MA4YWxkTrZu0gW", "----WebKitFormBoundary7MA4YWxkTrZu0gW",
       NULL},
      {"multipart/form-data; boundary=\"a'()+_,-./:=? b\"", "a'()+_,-./:=? b", NULL},
      {"multipart/form-data; boundary=*****;", "*****", NULL},
      {"multipart/form-data; boundary=" B70, B70, NULL},
      {"multipart/form-data; boundary=" B70 "8", NULL, none},
      {"multipart/form-data; boundary=\"\"", NULL, none},
      {"multipart/form-data; boundary=\"b \"", NULL, none},
      {"multipart/form-data; boundary=\"a\\b\"", NULL, none},
      {"multipart/form-data; boundary=\"\xc3\xa4\"", NULL, none},
      {"multipart/form-data; boundary=\"a\tb\"", NULL, none},
      {"multipart/form-data", NULL, "Content-Type has no boundary"},
      {"multipart/form-data; charset=utf-8", NULL, "Content-Type has no boundary"},
      {"multipart/form-data; boundary=a; boundary=b", NULL, "Content-Type has two boundaries"},
      {"multipart/form-data; boundary=", NULL, "bad parameters in Content-Type"},
      {"multipart/form-data; boundary=a b", NULL, "bad parameters in Content-Type"},
      {"multipart/form-data; boundary=a, multipart/form-data; boundary=b", NULL, "bad parameters in Content-Type"},
      {"multipart/mixed; boundary=b", NULL, other},
      {"multipart/form-data-x; boundary=b", NULL, other},
      {"application/x-www-form-urlencoded", NULL, other},
      {"", NULL, other},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) check_boundary(cases[i][0], cases[i][1], cases[i][2]);
  tg_multipart parser;
  CHECK(!tg_multipart_init(&parser, (tg_text){NULL, 0}, &tg_multipart_limits_default));
  CHECK_NUMBER(parser.error_status, 415);
  check_case(NULL);
}

/* --- hostile bodies --- */

/* Megabytes of what is nearly a boundary: were anything looked at again for each of them, this would not end before the
   test's time does. In one piece they give one piece of a body. */
static void takes_linear_time(void) {
  static const char *const runs[] = {"\r", "\r\n", "\r\n--bounda", "\r\n--boundar\r\n--", "--boundary", "\n"};
  enum { REPEATED = 16 * 1024 * 1024 };
  char *memory = malloc(REPEATED);
  if (memory == NULL) abort();
  for (size_t i = 0; i < sizeof runs / sizeof runs[0]; i++) {
    reader is = {0};
    size_t size = strlen(runs[i]);
    check_case("%s", runs[i]);
    for (size_t at = 0; at < REPEATED; at++) memory[at] = runs[i][at % size];
    tg_multipart_init(&is.parser, TG_TEXT("multipart/form-data; boundary=boundary"), &tg_multipart_limits_default);
    CHECK(feed(&is, TG_TEXT("--boundary\r\n" HEAD_40 "\r\nx")));
    is.events = 0;
    CHECK(feed(&is, (tg_text){memory, REPEATED}));
    CHECK_NUMBER(is.events, 1);
    for (size_t at = 0; at < REPEATED; at += 7)
      feed(&is, (tg_text){memory + at, REPEATED - at < 7 ? REPEATED - at : 7});
    CHECK(feed(&is, TG_TEXT("y\r\n--boundary--")));
    CHECK(tg_multipart_finish(&is.parser));
    CHECK_NUMBER(tg_buffer_size(&is.log),
                 sizeof "part a\nContent-Disposition: form-data; name=a\nbody xy\nend\n" - 1 + 2 * REPEATED);
    tg_buffer_free(&is.log);
    tg_multipart_free(&is.parser);
  }
  free(memory);
  check_case(NULL);
}

int main(void) {
  reads_bodies();
  keeps_to_limits();
  reads_names();
  reads_boundaries();
  takes_linear_time();
  return check_result();
}
