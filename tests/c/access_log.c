#include "http/access_log.h"
#include "http/access_line.h"
#include "check.h"
#include "proto/utf8.h"
#include "support/turns.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define MS UINT64_C(1000000)

static char line[TG_ACCESS_LINE_BYTES_MAX];
static tg_access_line_state state;

static tg_text json(const tg_access_record *record) {
  return (tg_text){line, tg_access_line_json(&state, record, line)};
}

static tg_text combined(const tg_access_record *record) {
  return (tg_text){line, tg_access_line_combined(&state, record, line)};
}

/* 2026-11-23T11:57:10.374Z */
static tg_access_record usual(void) {
  return (tg_access_record){
      .time_ns = UINT64_C(1795435030374) * MS,
      .number = 5,
      .remote = TG_TEXT("127.0.0.1:40312"),
      .method = TG_TEXT("GET"),
      .target = TG_TEXT("/things/7?q=1"),
      .major = 1,
      .minor = 1,
      .status = 200,
      .bytes_in = 3,
      .bytes_out = 1234567,
      .duration_ns = 12345678901,
      .head_ns = 412000,
      .route = TG_TEXT("/things/{id}"),
      .user_agent = TG_TEXT("curl/8.5.0"),
      .referer = TG_TEXT("http://a.example/"),
  };
}

static bool contains(tg_text text, const char *part) {
  return memmem(text.data, text.size, part, strlen(part)) != NULL;
}

/* --- what a line tells --- */

static void names_the_peer_where_it_is_another(void) {
  tg_access_record record = usual();
  CHECK(!contains(json(&record), "peer"));
  record.peer = TG_TEXT("10.0.0.1:80");
  CHECK(contains(json(&record), "\"remote\":\"127.0.0.1:40312\",\"peer\":\"10.0.0.1:80\",\"method\""));
}

static void writes_json(void) {
  tg_access_record record = usual();
  CHECK_TEXT(json(&record), TG_TEXT("{\"time\":\"2026-11-23T11:57:10.374Z\",\"id\":\"000005\","
                                    "\"remote\":\"127.0.0.1:40312\",\"method\":\"GET\",\"target\":\"/things/7?q=1\","
                                    "\"version\":\"1.1\",\"status\":200,\"bytes_in\":3,\"bytes_out\":1234567,"
                                    "\"seconds\":12.345678,\"head_seconds\":0.000412,\"route\":\"/things/{id}\","
                                    "\"user_agent\":\"curl/8.5.0\",\"referer\":\"http://a.example/\"}\n"));
}

static void writes_json_of_what_went_wrong(void) {
  tg_access_record record = {
      .time_ns = 1, .id = TG_TEXT("from-client"), .cancelled = TG_TEXT("client gone"), .error = TG_TEXT("timeout")};
  record.duration_ns = 999;
  record.upstreams[0] = (tg_access_upstream){TG_TEXT("10.0.0.1:80"), 503, 1500 * MS};
  record.upstreams[1] = (tg_access_upstream){TG_TEXT("[::1]:81"), 0, 0};
  record.upstream_count = 2;
  CHECK_TEXT(json(&record), TG_TEXT("{\"time\":\"1970-01-01T00:00:00.000Z\",\"id\":\"from-client\",\"status\":null,"
                                    "\"bytes_in\":0,\"bytes_out\":0,\"seconds\":0.000000,\"head_seconds\":null,"
                                    "\"upstreams\":[{\"host\":\"10.0.0.1:80\",\"status\":503,\"seconds\":1.500000},"
                                    "{\"host\":\"[::1]:81\",\"status\":null,\"seconds\":0.000000}],"
                                    "\"cancelled\":\"client gone\",\"error\":\"timeout\"}\n"));
}

static void counts_upstreams_that_it_has_no_room_for(void) {
  tg_access_record record = usual();
  record.upstream_count = TG_ACCESS_UPSTREAMS_MAX;
  CHECK(!contains(json(&record), "upstream_count"));
  record.upstream_count = 1000;
  CHECK(contains(json(&record), "}],\"upstream_count\":1000}\n"));
}

static void makes_an_id_of_the_number(void) {
  tg_access_record record = usual();
  state.id_prefix = TG_TEXT("16cdc3aa");
  CHECK(contains(json(&record), "\"id\":\"16cdc3aa-000005\""));
  record.number = 0; /* it has none */
  CHECK(!contains(json(&record), "\"id\""));
  record.number = UINT64_MAX;
  CHECK(contains(json(&record), "\"id\":\"16cdc3aa-ffffffffffffffff\""));
  state.id_prefix = (tg_text){NULL, 0};
}

static void writes_the_combined_format(void) {
  tg_access_record record = usual();
  CHECK_TEXT(combined(&record),
             TG_TEXT("127.0.0.1 - - [23/Nov/2026:11:57:10 +0000] \"GET /things/7?q=1 HTTP/1.1\" 200 1234567 "
                     "\"http://a.example/\" \"curl/8.5.0\" 12.345678\n"));
  record = (tg_access_record){.time_ns = 1, .remote = TG_TEXT("[::1]:80")};
  CHECK_TEXT(combined(&record), TG_TEXT("::1 - - [01/Jan/1970:00:00:00 +0000] \"-\" - 0 \"-\" \"-\" 0.000000\n"));
  const char *const hosts[][2] = {{"::1", "::1"},
                                  {"1.2.3.4", "1.2.3.4"},
                                  {"1.2.3.4:80", "1.2.3.4"},
                                  {"unknown", "unknown"},
                                  {"_hidden:_port", "_hidden"},
                                  {"[2001:db8::1]:80", "2001:db8::1"},
                                  {"", "-"}};
  for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++) {
    record.remote = tg_text_of(hosts[i][0]);
    tg_text line_text = combined(&record);
    CHECK(line_text.size > strlen(hosts[i][1]) && line_text.data[strlen(hosts[i][1])] == ' ');
    CHECK_TEXT(((tg_text){line_text.data, strlen(hosts[i][1])}), tg_text_of(hosts[i][1]));
  }
  record.remote = TG_TEXT("unix:/run/a:b.sock");
  record.method = TG_TEXT("BREW");
  CHECK_TEXT(combined(&record),
             TG_TEXT("unix:/run/a:b.sock - - [01/Jan/1970:00:00:00 +0000] \"BREW -\" - 0 \"-\" \"-\" 0.000000\n"));
}

static void writes_each_second_anew(void) {
  tg_access_record record = usual();
  json(&record);
  record.time_ns += 626 * MS;
  CHECK(contains(json(&record), "\"time\":\"2026-11-23T11:57:11.000Z\""));
  CHECK(contains(combined(&record), "[23/Nov/2026:11:57:11 +0000]"));
  record.time_ns = UINT64_C(951782400000) * MS;
  CHECK(contains(combined(&record), "[29/Feb/2000:00:00:00 +0000]"));
}

static void takes_the_clock_where_no_time_is_given(void) {
  tg_access_record record = usual();
  char before[40], after[40];
  record.time_ns = 0;
  record.duration_ns = 0;
  time_t now = time(NULL);
  strftime(before, sizeof before, "%Y-%m-%dT%H:%M:%S", gmtime(&now));
  json(&record);
  now = time(NULL);
  strftime(after, sizeof after, "%Y-%m-%dT%H:%M:%S", gmtime(&now));
  CHECK(memcmp(line + 9, before, 19) >= 0);
  CHECK(memcmp(line + 9, after, 19) <= 0);
}

/* --- THREATS class 22: what a client sends cannot forge a line --- */

typedef struct escape_case {
  const char *value, *in_json, *in_combined;
} escape_case;

static const escape_case escape_cases[] = {
    {"plain", "plain", "plain"},
    {"a b", "a b", "a b"},
    {"\"}\n{\"status\":200", "\\\"}\\u000a{\\\"status\\\":200", "\\x22}\\x0a{\\x22status\\x22:200"},
    {"\\", "\\\\", "\\x5c"},
    {"\\n\\x0a", "\\\\n\\\\x0a", "\\x5cn\\x5cx0a"},
    {"\r\t\x01\x1b[31m\x7f", "\\u000d\\u0009\\u0001\\u001b[31m\\u007f", "\\x0d\\x09\\x01\\x1b[31m\\x7f"},
    {"gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80", "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80",
     "gr\\xc3\\xbc\\xc3\\x9f \\xe2\\x82\\xac \\xf0\\x9f\\x98\\x80"},
    {"\xc2\x85\xc2\x9b\xc2\xa0", "\\u0085\\u009b\xc2\xa0", "\\xc2\\x85\\xc2\\x9b\\xc2\\xa0"},
    {"\xe2\x80\xa7\xe2\x80\xa8\xe2\x80\xa9\xe2\x80\xaa\xe2\x80\xae\xe2\x81\xa6\xe2\x81\xa9\xe2\x81\xaa",
     "\xe2\x80\xa7\\u2028\\u2029\\u202a\\u202e\\u2066\\u2069\xe2\x81\xaa", NULL},
    {"\x80\xff\xfe", "\\u0080\\u00ff\\u00fe", "\\x80\\xff\\xfe"},
    {"\xc0\x8a", "\\u00c0\\u008a", "\\xc0\\x8a"},
    {"\xc3", "\\u00c3", "\\xc3"},
    {"\xe2\x82", "\\u00e2\\u0082", "\\xe2\\x82"},
    {"\xe2\x82\n", "\\u00e2\\u0082\\u000a", "\\xe2\\x82\\x0a"},
    {"\xf0\x9f\x98\"", "\\u00f0\\u009f\\u0098\\\"", "\\xf0\\x9f\\x98\\x22"},
    {"\xed\xa0\x80", "\\u00ed\\u00a0\\u0080", "\\xed\\xa0\\x80"},
};

static void class_22_escapes_values(void) {
  tg_access_record record = {.time_ns = 1};
  for (size_t i = 0; i < sizeof escape_cases / sizeof escape_cases[0]; i++) {
    const escape_case *expected = &escape_cases[i];
    char text[256];
    check_case("%s", expected->in_json);
    record.user_agent = tg_text_of(expected->value);
    snprintf(text, sizeof text, "\"user_agent\":\"%s\"}\n", expected->in_json);
    CHECK(contains(json(&record), text));
    if (expected->in_combined == NULL) continue;
    snprintf(text, sizeof text, "\"-\" \"%s\" 0.000000\n", expected->in_combined);
    CHECK(contains(combined(&record), text));
  }
  check_case(NULL);
}

/* A client may bind its own Unix socket, and name it. */
static void class_22_escapes_spaces_between_fields(void) {
  tg_access_record record = usual();
  record.remote = TG_TEXT("unix:/x - - [01/Jan/1970:00:00:00 +0000]");
  record.target = TG_TEXT("/a HTTP/1.1\" 200 1");
  CHECK(contains(combined(&record), "unix:/x\\x20-\\x20-\\x20[01/Jan/1970:00:00:00\\x20+0000] - - [23/Nov"));
  CHECK(contains(combined(&record), "\"GET /a\\x20HTTP/1.1\\x22\\x20200\\x201 HTTP/1.1\" 200"));
}

/* Is it one printable line, with nothing in it but what JSON or the other format leaves as it is? */
static bool is_one_line(tg_text text, bool is_json) {
  if (text.size == 0 || text.data[text.size - 1] != '\n' || !tg_utf8_is_valid(text)) return false;
  for (size_t i = 0; i + 1 < text.size; i++) {
    unsigned char c = (unsigned char)text.data[i];
    if (c < 0x20 || c == 0x7f || (!is_json && c > 0x7f)) return false;
  }
  return true;
}

static unsigned count_quotes(tg_text text) {
  unsigned count = 0;
  for (size_t i = 0; i < text.size; i++) {
    if (text.data[i] == '\\') i++;
    else count += text.data[i] == '"';
  }
  return count;
}

static void set_all(tg_access_record *record, tg_text value) {
  record->id = record->remote = record->method = record->target = record->route = value;
  record->user_agent = record->referer = value;
  for (int i = 0; i < TG_ACCESS_UPSTREAMS_MAX; i++) record->upstreams[i].host = value;
  record->upstream_count = TG_ACCESS_UPSTREAMS_MAX;
}

static void class_22_survives_random_bytes(void) {
  tg_access_record record = usual();
  set_all(&record, TG_TEXT("x"));
  unsigned quotes_json = count_quotes(json(&record)), quotes_combined = count_quotes(combined(&record));
  unsigned seed = 11;
  char bytes[48];
  for (int round = 0; round < 5000; round++) {
    for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (char)((seed = seed * 1103515245U + 12345U) >> 16);
    set_all(&record, (tg_text){bytes, 1 + (seed >> 8) % sizeof bytes});
    tg_text text = json(&record);
    if (!CHECK(is_one_line(text, true)) || !CHECK_NUMBER(count_quotes(text), quotes_json)) return;
    text = combined(&record);
    if (!CHECK(is_one_line(text, false)) || !CHECK_NUMBER(count_quotes(text), quotes_combined)) return;
  }
}

/* --- cuts --- */

static char *filled(size_t size, const char *with) {
  char *bytes = malloc(size);
  for (size_t i = 0; i < size; i++) bytes[i] = with[i % strlen(with)];
  return bytes;
}

static void cuts_long_values(void) {
  tg_access_record record = usual();
  char *bytes = filled(TG_ACCESS_TARGET_BYTES_MAX + 1, "t"), text[TG_ACCESS_TARGET_BYTES_MAX + 20];
  record.target = (tg_text){bytes, TG_ACCESS_TARGET_BYTES_MAX};
  snprintf(text, sizeof text, "\"%.*s\"", TG_ACCESS_TARGET_BYTES_MAX, bytes);
  CHECK(contains(json(&record), text));
  record.target.size++;
  snprintf(text, sizeof text, "\"%.*s...\"", TG_ACCESS_TARGET_BYTES_MAX, bytes);
  CHECK(contains(json(&record), text));
  snprintf(text, sizeof text, "GET %.*s... HTTP/1.1", TG_ACCESS_TARGET_BYTES_MAX, bytes);
  CHECK(contains(combined(&record), text));
  free(bytes);
}

static void cuts_between_characters(void) {
  static const char *const characters[] = {"\xc3\xbc", "\xe2\x82\xac", "\xf0\x9f\x98\x80"};
  tg_access_record record = usual();
  for (int i = 0; i < 3; i++) {
    for (size_t shift = 0; shift < 4; shift++) {
      char *bytes = filled(4000, characters[i]);
      memset(bytes, 'a', shift * strlen(characters[i]) + shift);
      for (size_t j = shift * strlen(characters[i]) + shift; j < 4000; j++) {
        bytes[j] = characters[i][(j - shift) % strlen(characters[i])];
      }
      record.user_agent = (tg_text){bytes, 4000};
      tg_text text = json(&record);
      CHECK(contains(text, "...\",\"referer\""));
      CHECK(!contains(text, "\\u"));
      free(bytes);
    }
  }
}

static void has_room_for_the_longest_line(void) {
  tg_access_record record = usual();
  char *bytes = filled(10000, "\xff\n\"");
  set_all(&record, (tg_text){bytes, 10000});
  record.number = record.bytes_in = record.bytes_out = record.duration_ns = record.head_ns = UINT64_MAX;
  record.major = record.minor = record.status = record.upstream_count = UINT32_MAX;
  for (int i = 0; i < TG_ACCESS_UPSTREAMS_MAX; i++) {
    record.upstreams[i].status = UINT32_MAX;
    record.upstreams[i].duration_ns = UINT64_MAX;
  }
  bytes[9999] = '\0';
  record.cancelled = record.error = tg_text_of(bytes);
  tg_text text = json(&record);
  CHECK(text.size <= TG_ACCESS_LINE_BYTES_MAX);
  CHECK(is_one_line(text, true));
  CHECK(is_one_line(combined(&record), false));
  free(bytes);
}

/* --- the log --- */

static const tg_log_file_events no_events;

static tg_text read_all(const char *path, char *bytes, size_t size) {
  int fd = open(path, O_RDONLY);
  ssize_t count = fd >= 0 ? read(fd, bytes, size) : -1;
  if (fd >= 0) close(fd);
  return (tg_text){bytes, count > 0 ? (size_t)count : 0};
}

static void writes_to_a_file_while_it_is_on(void) {
  char folder[] = "/tmp/tidegate-access-log-XXXXXX", path[64], bytes[4096];
  tg_loop *loop = tg_loop_new();
  tg_access_log *log = tg_access_log_new(loop, &no_events, NULL);
  tg_access_record record = usual();
  uint64_t dropped = 1;
  if (!CHECK(mkdtemp(folder) != NULL)) return;
  snprintf(path, sizeof path, "%s/access.log", folder);
  tg_access_log_options options = {.path = path, .format = TG_ACCESS_LOG_JSON, .id_prefix = TG_TEXT("ab12")};
  options.buffer_bytes_max = TG_ACCESS_LOG_BUFFER_BYTES_MIN;
  tg_access_log_write(log, &record);
  tg_access_log_reopen(log);
  CHECK(!tg_access_log_is_open(log));
  for (int round = 0; round < 2; round++) {
    CHECK_NUMBER(tg_access_log_open(log, &options), 0);
    CHECK(tg_access_log_is_open(log));
    tg_access_log_write(log, &record);
    CHECK_NUMBER(tg_access_log_count(log).lines, 1);
    CHECK(tg_access_log_close(log, 1000, &dropped));
    CHECK_NUMBER(dropped, 0);
    CHECK_NUMBER(tg_access_log_count(log).lines, 0);
    options.format = TG_ACCESS_LOG_COMBINED;
  }
  tg_text text = read_all(path, bytes, sizeof bytes);
  CHECK(contains(text, "\"id\":\"ab12-000005\""));
  CHECK(contains(text, "\"}\n127.0.0.1 - - ["));
  CHECK(tg_access_log_close(log, 1000, &dropped)); /* off already */
  options.path = folder;
  CHECK_NUMBER(tg_access_log_open(log, &options), -21); /* EISDIR */
  CHECK(!tg_access_log_is_open(log));
  tg_access_log_free(log);
  tg_loop_free(loop);
  unlink(path);
  rmdir(folder);
}

int main(void) {
  writes_json();
  writes_json_of_what_went_wrong();
  names_the_peer_where_it_is_another();
  counts_upstreams_that_it_has_no_room_for();
  makes_an_id_of_the_number();
  writes_the_combined_format();
  writes_each_second_anew();
  takes_the_clock_where_no_time_is_given();
  class_22_escapes_values();
  class_22_escapes_spaces_between_fields();
  class_22_survives_random_bytes();
  cuts_long_values();
  cuts_between_characters();
  has_room_for_the_longest_line();
  writes_to_a_file_while_it_is_on();
  return check_result();
}
