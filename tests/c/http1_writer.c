#include "proto/http1_writer.h"
#include "check.h"

#include <limits.h>

static void writes_a_response_head(void) {
  tg_buffer head = {0};
  tg_http1_write_status(&head, 404);
  tg_http1_write_field(&head, TG_TEXT("Content-Type"), TG_TEXT("text/plain"));
  tg_http1_write_length(&head, 12);
  tg_http1_write_end(&head);
  CHECK_TEXT(tg_buffer_text(&head),
             TG_TEXT("HTTP/1.1 404 Not Found\r\nContent-Type: text/plain\r\nContent-Length: 12\r\n\r\n"));
  tg_buffer_free(&head);
}

static void writes_a_request_head(void) {
  tg_buffer head = {0};
  tg_http1_write_request(&head, TG_TEXT("OPTIONS"), TG_TEXT("*"));
  tg_http1_write_field(&head, TG_TEXT("Host"), TG_TEXT("[::1]:8000"));
  tg_http1_write_field(&head, TG_TEXT("Accept"), TG_TEXT(""));
  tg_http1_write_end(&head);
  CHECK_TEXT(tg_buffer_text(&head), TG_TEXT("OPTIONS * HTTP/1.1\r\nHost: [::1]:8000\r\nAccept: \r\n\r\n"));
  tg_buffer_free(&head);
}

static void writes_every_status(void) {
  static const struct {
    unsigned status;
    const char *line;
  } cases[] = {
      {200, "HTTP/1.1 200 OK\r\n"},
      {204, "HTTP/1.1 204 No Content\r\n"},
      {500, "HTTP/1.1 500 Internal Server Error\r\n"},
      {299, "HTTP/1.1 299 Unknown\r\n"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    tg_buffer head = {0};
    tg_http1_write_status(&head, cases[i].status);
    CHECK_TEXT(tg_buffer_text(&head), tg_text_of(cases[i].line));
    tg_buffer_free(&head);
  }
}

static void writes_any_length(void) {
  tg_buffer head = {0};
  tg_http1_write_length(&head, 0);
  tg_http1_write_length(&head, ULLONG_MAX);
  CHECK_TEXT(tg_buffer_text(&head), TG_TEXT("Content-Length: 0\r\nContent-Length: 18446744073709551615\r\n"));
  tg_buffer_free(&head);
}

/* The example of RFC 9110 section 5.6.7, and days that calendars get wrong. */
static void writes_dates(void) {
  static const struct {
    time_t second;
    const char *line;
  } cases[] = {
      {784111777, "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"},  {951782400, "Date: Tue, 29 Feb 2000 00:00:00 GMT\r\n"},
      {1709164799, "Date: Wed, 28 Feb 2024 23:59:59 GMT\r\n"}, {1709164800, "Date: Thu, 29 Feb 2024 00:00:00 GMT\r\n"},
      {4107542400, "Date: Mon, 01 Mar 2100 00:00:00 GMT\r\n"}, {1, "Date: Thu, 01 Jan 1970 00:00:01 GMT\r\n"},
  };
  tg_http1_date date = {0};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    CHECK_TEXT(tg_http1_date_line(&date, cases[i].second), tg_text_of(cases[i].line));
    CHECK_TEXT(tg_http1_date_line(&date, cases[i].second), tg_text_of(cases[i].line));
  }
}

int main(void) {
  writes_a_response_head();
  writes_a_request_head();
  writes_every_status();
  writes_any_length();
  writes_dates();
  return check_result();
}
