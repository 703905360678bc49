#include "evidence/core/time.h"

#include <ctime>
#include <optional>

namespace attest {
namespace {

// number reads exactly `digits` decimal digits at `at` and moves past them.
std::optional<int> number(std::string_view text, std::size_t& at, std::size_t digits) {
  if (at + digits > text.size()) return std::nullopt;
  int value = 0;
  for (std::size_t i = 0; i < digits; i++) {
    char c = text[at + i];
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + (c - '0');
  }
  at += digits;
  return value;
}

bool literal(std::string_view text, std::size_t& at, char want) {
  if (at >= text.size()) return false;
  char c = text[at];
  if (c != want && !(c >= 'a' && c <= 'z' && c - 'a' + 'A' == want)) return false;
  at++;
  return true;
}

constexpr int days_in(int year, int month) {
  constexpr int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  return month == 2 && leap ? 29 : days[month - 1];
}

// offset reads "Z" or "+hh:mm" at the end; seconds east of Greenwich.
std::optional<int> offset(std::string_view text, std::size_t& at) {
  if (literal(text, at, 'Z')) return 0;
  int sign = literal(text, at, '+') ? 1 : literal(text, at, '-') ? -1 : 0;
  if (sign == 0) return std::nullopt;
  auto hours = number(text, at, 2);
  if (!hours || !literal(text, at, ':')) return std::nullopt;
  auto minutes = number(text, at, 2);
  if (!minutes || *hours > 23 || *minutes > 59) return std::nullopt;
  return sign * (*hours * 3600 + *minutes * 60);
}

std::optional<UnixTime> parse(std::string_view text) {
  std::size_t at = 0;
  auto year = number(text, at, 4);
  if (!year || !literal(text, at, '-')) return std::nullopt;
  auto month = number(text, at, 2);
  if (!month || !literal(text, at, '-')) return std::nullopt;
  auto day = number(text, at, 2);
  if (!day || !literal(text, at, 'T')) return std::nullopt;
  auto hour = number(text, at, 2);
  if (!hour || !literal(text, at, ':')) return std::nullopt;
  auto minute = number(text, at, 2);
  if (!minute || !literal(text, at, ':')) return std::nullopt;
  auto second = number(text, at, 2);
  if (!second) return std::nullopt;
  if (*month < 1 || *month > 12 || *day < 1 || *day > days_in(*year, *month)) return std::nullopt;
  if (*hour > 23 || *minute > 59 || *second > 60) return std::nullopt;
  if (literal(text, at, '.')) {
    std::size_t first = at;
    while (at < text.size() && text[at] >= '0' && text[at] <= '9') at++;
    if (at == first) return std::nullopt;
  }
  auto east = offset(text, at);
  if (!east || at != text.size()) return std::nullopt;
  std::tm tm{};
  tm.tm_year = *year - 1900;
  tm.tm_mon = *month - 1;
  tm.tm_mday = *day;
  tm.tm_hour = *hour;
  tm.tm_min = *minute;
  tm.tm_sec = *second;
  return static_cast<UnixTime>(timegm(&tm)) - *east;
}

}  // namespace

Result<UnixTime> parse_rfc3339(std::string_view text) {
  if (auto when = parse(text)) return *when;
  return Error{Errc::malformed, "time \"" + std::string(text.substr(0, 40)) + "\" is not RFC 3339"};
}

std::string format_rfc3339(UnixTime when) {
  std::tm tm{};
  std::time_t seconds = static_cast<std::time_t>(when);
  if (gmtime_r(&seconds, &tm) == nullptr) return "invalid";
  char out[40];
  return {out, std::strftime(out, sizeof out, "%Y-%m-%dT%H:%M:%SZ", &tm)};
}

UnixTime wall_clock_now() { return static_cast<UnixTime>(std::time(nullptr)); }

}  // namespace attest
