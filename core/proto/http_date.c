#include "proto/http_date.h"

#include <time.h>

static const char day_names[7][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
static const char month_names[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

static const int64_t second_max = 253402300799; /* the last one of the year 9999 */

/* --- writing --- */

static char *put_name(char *out, const char *name) {
  memcpy(out, name, 3);
  return out + 3;
}

static char *put_number(char *out, int number, int digits) {
  for (int i = digits - 1; i >= 0; i--) {
    out[i] = (char)('0' + number % 10);
    number /= 10;
  }
  return out + digits;
}

static char *put_char(char *out, char c) {
  *out = c;
  return out + 1;
}

void tg_http_date_write(int64_t seconds, char out[TG_HTTP_DATE_BYTES]) {
  struct tm utc;
  time_t time = seconds < 0 ? 0 : seconds > second_max ? second_max : seconds;
  gmtime_r(&time, &utc);
  out = put_char(put_char(put_name(out, day_names[utc.tm_wday]), ','), ' ');
  out = put_char(put_number(out, utc.tm_mday, 2), ' ');
  out = put_char(put_name(out, month_names[utc.tm_mon]), ' ');
  out = put_char(put_number(out, utc.tm_year + 1900, 4), ' ');
  out = put_char(put_number(out, utc.tm_hour, 2), ':');
  out = put_char(put_number(out, utc.tm_min, 2), ':');
  out = put_char(put_number(out, utc.tm_sec, 2), ' ');
  put_name(out, "GMT");
}

/* --- reading --- */

/* Takes `size` digits off the front; a first one may be a space where `padded`. -1 when there is something else. */
static int take_number(tg_text *text, size_t size, bool padded) {
  int number = 0;
  if (text->size < size) return -1;
  for (size_t i = 0; i < size; i++) {
    char c = text->data[i];
    if (padded && i == 0 && c == ' ') c = '0';
    if (c < '0' || c > '9') return -1;
    number = number * 10 + (c - '0');
  }
  *text = (tg_text){text->data + size, text->size - size};
  return number;
}

static bool take(tg_text *text, tg_text expected) {
  if (text->size < expected.size || memcmp(text->data, expected.data, expected.size) != 0) return false;
  *text = (tg_text){text->data + expected.size, text->size - expected.size};
  return true;
}

/* Takes one of the names off the front; its index, or -1. */
static int take_name(tg_text *text, const char names[][4], int count) {
  for (int i = 0; i < count; i++) {
    if (take(text, (tg_text){names[i], 3})) return i;
  }
  return -1;
}

static bool take_time(tg_text *text, struct tm *utc) {
  utc->tm_hour = take_number(text, 2, false);
  if (!take(text, TG_TEXT(":"))) return false;
  utc->tm_min = take_number(text, 2, false);
  if (!take(text, TG_TEXT(":"))) return false;
  utc->tm_sec = take_number(text, 2, false);
  return true;
}

static bool take_month(tg_text *text, struct tm *utc) {
  utc->tm_mon = take_name(text, month_names, 12);
  return utc->tm_mon >= 0;
}

static bool take_year(tg_text *text, struct tm *utc) {
  int year = take_number(text, 4, false);
  utc->tm_year = year - 1900;
  return year >= 0;
}

/* Behind "Sun, ": "06 Nov 1994 08:49:37 GMT" */
static bool read_fixdate(tg_text text, struct tm *utc) {
  utc->tm_mday = take_number(&text, 2, false);
  return take(&text, TG_TEXT(" ")) && take_month(&text, utc) && take(&text, TG_TEXT(" ")) && take_year(&text, utc) &&
         take(&text, TG_TEXT(" ")) && take_time(&text, utc) && tg_text_equal(text, TG_TEXT(" GMT"));
}

static int year_of(int64_t seconds) {
  struct tm utc;
  time_t time = seconds;
  return gmtime_r(&time, &utc) != NULL ? utc.tm_year : 70;
}

/* Behind "Sunday, ": "06-Nov-94 08:49:37 GMT" */
static bool read_rfc850(tg_text text, int64_t now, struct tm *utc) {
  utc->tm_mday = take_number(&text, 2, false);
  if (!take(&text, TG_TEXT("-")) || !take_month(&text, utc) || !take(&text, TG_TEXT("-"))) return false;
  int year = take_number(&text, 2, false), this_year = year_of(now);
  utc->tm_year = this_year - this_year % 100 + year;
  if (utc->tm_year > this_year + 50) utc->tm_year -= 100;
  else if (utc->tm_year <= this_year - 50) utc->tm_year += 100;
  return year >= 0 && take(&text, TG_TEXT(" ")) && take_time(&text, utc) && tg_text_equal(text, TG_TEXT(" GMT"));
}

/* Behind "Sun ": "Nov  6 08:49:37 1994" */
static bool read_asctime(tg_text text, struct tm *utc) {
  if (!take_month(&text, utc) || !take(&text, TG_TEXT(" "))) return false;
  utc->tm_mday = take_number(&text, 2, true);
  return take(&text, TG_TEXT(" ")) && take_time(&text, utc) && take(&text, TG_TEXT(" ")) && take_year(&text, utc) &&
         text.size == 0;
}

static bool read_any(tg_text text, int64_t now, struct tm *utc) {
  static const char day_ends[7][5] = {"", "", "s", "nes", "rs", "", "ur"};
  int day = take_name(&text, day_names, 7);
  if (day < 0) return false;
  if (take(&text, TG_TEXT(", "))) return read_fixdate(text, utc);
  if (take(&text, TG_TEXT(" "))) return read_asctime(text, utc);
  return take(&text, tg_text_of(day_ends[day])) && take(&text, TG_TEXT("day, ")) && read_rfc850(text, now, utc);
}

bool tg_http_date_parse(tg_text text, int64_t now, int64_t *seconds) {
  struct tm utc = {0};
  if (!read_any(text, now, &utc)) return false;
  /* A leap second is written as 60. */
  bool has_time =
      utc.tm_hour >= 0 && utc.tm_hour < 24 && utc.tm_min >= 0 && utc.tm_min < 60 && utc.tm_sec >= 0 && utc.tm_sec <= 60;
  struct tm day = {.tm_year = utc.tm_year, .tm_mon = utc.tm_mon, .tm_mday = utc.tm_mday};
  time_t midnight = timegm(&day);
  if (!has_time || day.tm_mon != utc.tm_mon) return false; /* February 30 has become a day of March */
  *seconds = (int64_t)midnight + utc.tm_hour * 3600 + utc.tm_min * 60 + utc.tm_sec;
  return true;
}
