#include "provider/params.h"

#include <pwd.h>

#include <array>
#include <charconv>
#include <optional>
#include <string_view>

namespace attest {
namespace {

// A Reader takes one value into the settings; its error says what was expected.
using ReadValue = Status (*)(std::string_view value, Settings& settings);

Error expected(const char* what) { return {Errc::denied, what}; }

std::optional<unsigned> number(std::string_view text, unsigned low, unsigned high) {
  unsigned n = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
  if (error != std::errc() || end != text.data() + text.size() || n < low || n > high) return std::nullopt;
  return n;
}

Result<Mode> mode(std::string_view text) {
  for (Mode m : {Mode::off, Mode::prefer, Mode::require})
    if (text == mode_name(m)) return m;
  return expected("require, prefer or off expected");
}

Result<bool> yes_no(std::string_view text) {
  if (text == "yes") return true;
  if (text == "no") return false;
  return expected("yes or no expected");
}

Status milliseconds(std::string_view text, std::chrono::milliseconds& out) {
  auto n = number(text, 1, 600000);
  if (!n) return expected("milliseconds from 1 to 600000 expected");
  out = std::chrono::milliseconds(*n);
  return ok();
}

Status name(std::string_view text, std::string& out) {
  if (text.empty() || text.size() > kMaxName) return expected("a name of 1 to 256 characters expected");
  out = text;
  return ok();
}

Status daemon_uid(std::string_view text, Settings& s) {
  if (auto n = number(text, 0, 0xfffffffe)) {
    s.daemon.daemon_uid = *n;
    return ok();
  }
  std::array<char, 4096> space{};
  passwd entry{};
  passwd* found = nullptr;
  if (::getpwnam_r(std::string(text).c_str(), &entry, space.data(), space.size(), &found) != 0 ||
      found == nullptr)
    return expected("a uid or the name of a user of this machine expected");
  s.daemon.daemon_uid = found->pw_uid;
  return ok();
}

Status socket_path(std::string_view text, Settings& s) {
  if (!text.starts_with('/') || text.size() > 107)
    return expected("an absolute path of at most 107 bytes expected");
  s.daemon.socket = text;
  return ok();
}

struct Row {
  const char* name;
  ReadValue read;
};
constexpr std::array<Row, 12> kRows = {{
    {"attest-socket", socket_path},
    {"attest-daemon-uid", daemon_uid},
    {"attest-server",
     [](std::string_view v, Settings& s) -> Status {
       TRY(s.server, mode(v));
       return ok();
     }},
    {"attest-client",
     [](std::string_view v, Settings& s) -> Status {
       TRY(s.client, mode(v));
       return ok();
     }},
    {"attest-policy", [](std::string_view v, Settings& s) { return name(v, s.policy); }},
    {"attest-peer", [](std::string_view v, Settings& s) { return name(v, s.peer); }},
    {"attest-x509-name-checked",
     [](std::string_view v, Settings& s) -> Status {
       TRY(s.name_checked, yes_no(v));
       return ok();
     }},
    {"attest-evidence",
     [](std::string_view v, Settings& s) -> Status {
       TRY(s.evidence, yes_no(v));
       return ok();
     }},
    {"attest-connect-ms",
     [](std::string_view v, Settings& s) { return milliseconds(v, s.daemon.connect_timeout); }},
    {"attest-quote-ms",
     [](std::string_view v, Settings& s) { return milliseconds(v, s.daemon.quote_timeout); }},
    {"attest-judge-ms",
     [](std::string_view v, Settings& s) { return milliseconds(v, s.daemon.judge_timeout); }},
    {"attest-debug", parse_debug},
}};

bool known(std::string_view name) {
  for (const Row& row : kRows)
    if (name == row.name) return true;
  return false;
}

// place names the line of a parameter: the last one, as OpenSSL takes it.
std::string place(const ConfLines& lines, std::string_view name) {
  std::string where;
  for (const ConfLine& line : lines)
    if (line.name == name) where = " (" + line.where() + ")";
  return where;
}

std::string all_names() {
  std::string text;
  for (const Row& row : kRows) text += (text.empty() ? "" : ", ") + std::string(row.name);
  return text;
}

}  // namespace

bool Settings::operator==(const Settings& o) const {
  return daemon.socket == o.daemon.socket && daemon.daemon_uid == o.daemon.daemon_uid &&
         daemon.connect_timeout == o.daemon.connect_timeout &&
         daemon.quote_timeout == o.daemon.quote_timeout && daemon.judge_timeout == o.daemon.judge_timeout &&
         server == o.server && client == o.client && policy == o.policy && peer == o.peer &&
         name_checked == o.name_checked && evidence == o.evidence;
}

const char* mode_name(Mode mode) {
  return mode == Mode::require ? "require" : mode == Mode::prefer ? "prefer" : "off";
}

Status parse_debug(std::string_view value, Settings& settings) {
  auto comma = value.rfind(",level:");
  std::string_view path = value.substr(0, comma);
  auto level =
      comma == std::string_view::npos ? std::optional<unsigned>(1) : number(value.substr(comma + 7), 1, 9);
  if (!path.starts_with("file:/") || !level) return expected("file:/ABSOLUTE/PATH,level:1 to 9 expected");
  settings.debug_path = path.substr(5);
  settings.debug_level = static_cast<int>(*level);
  return ok();
}

Result<Settings> read_settings(const ParamSource& source, const ConfLines& lines) {
  for (const ConfLine& line : lines)
    if (line.name.starts_with("attest-") && !known(line.name))
      return Error{Errc::denied, "config.bad: unknown parameter " + line.name + " (" + line.where() +
                                     "); there are " + all_names()};
  Settings settings;
  for (const Row& row : kRows) {
    const char* value = source(row.name);
    if (value == nullptr) continue;
    if (Status s = row.read(value, settings); !s)
      return Error{Errc::denied, "config.bad: " + std::string(row.name) + " = \"" + value + "\"" +
                                     place(lines, row.name) + ": " + s.error().what};
  }
  return settings;
}

}  // namespace attest
