#include "provider/conf_lines.h"

#include <openssl/conf.h>
#include <openssl/crypto.h>

#include <algorithm>
#include <fstream>
#include <memory>
#include <sstream>
#include <string_view>

namespace attest {
namespace {

constexpr std::size_t kMaxFile = 1 << 20;
constexpr std::size_t kMaxLines = 4096;
constexpr int kMaxIncludes = 16;

std::string_view trim(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r";
  auto first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

// uncomment cuts a line at the first '#' that is not quoted or escaped.
std::string_view uncomment(std::string_view line) {
  char quote = 0;
  for (std::size_t i = 0; i < line.size(); i++) {
    char c = line[i];
    if (c == '\\') {
      i++;
    } else if (quote != 0) {
      quote = c == quote ? '\0' : quote;
    } else if (c == '"' || c == '\'' || c == '`') {
      quote = c;
    } else if (c == '#') {
      return line.substr(0, i);
    }
  }
  return line;
}

void read_line(std::string_view text, ConfLine here, std::string& section, ConfLines& out) {
  text = trim(uncomment(text));
  if (text.starts_with('[')) {
    auto end = text.find(']');
    if (end != std::string_view::npos) section = trim(text.substr(1, end - 1));
    return;
  }
  bool include = text.starts_with(".include");
  auto split = include ? text.find_first_of(" \t=") : text.find('=');
  if (split == std::string_view::npos) return;
  here.name = trim(text.substr(0, split));
  std::string_view value = trim(text.substr(split + 1));
  if (include && value.starts_with('=')) value = trim(value.substr(1));
  here.value = value;
  here.section = section;
  if (auto colons = here.name.find("::"); colons != std::string::npos) {
    here.section = here.name.substr(0, colons);
    here.name.erase(0, colons + 2);
  }
  out.push_back(std::move(here));
}

std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::string text(kMaxFile, '\0');
  if (!in.read(text.data(), static_cast<std::streamsize>(text.size())) && !in.eof()) return {};
  text.resize(static_cast<std::size_t>(std::max<std::streamsize>(0, in.gcount())));
  return text;
}

// value_of gives the last value of a name in a section, as OpenSSL does; "" without one.
std::string value_of(const ConfLines& lines, std::string_view section, std::string_view name) {
  std::string found;
  for (const ConfLine& line : lines)
    if (line.section == section && line.name == name) found = line.value;
  return found;
}

bool has(const ConfLines& lines, std::string_view section, std::string_view name) {
  return std::ranges::any_of(lines,
                             [&](const ConfLine& l) { return l.section == section && l.name == name; });
}

std::string main_section(const ConfLines& lines) {
  for (const char* name : {"openssl_conf", "nodejs_conf"})
    if (std::string section = value_of(lines, "default", name); !section.empty()) return section;
  return {};
}

bool no_suites(const ConfLines& lines, std::string_view main) {
  std::string ssl = value_of(lines, main, "ssl_conf");
  std::string system = ssl.empty() ? "" : value_of(lines, ssl, "system_default");
  return !system.empty() && has(lines, system, "Ciphersuites") &&
         value_of(lines, system, "Ciphersuites").empty() &&
         value_of(lines, system, "MinProtocol") == "TLSv1.3";
}

}  // namespace

ConfLines parse_conf_lines(std::string_view text, const std::string& file) {
  ConfLines out;
  std::string section = "default";
  std::string joined;
  unsigned number = 0, begun = 1;
  while (!text.empty() && out.size() < kMaxLines) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    number++;
    if (joined.empty()) begun = number;
    if (line.ends_with('\\') && !text.empty()) {
      joined += line.substr(0, line.size() - 1);
      continue;
    }
    joined += line;
    read_line(joined, {file, begun, {}, {}, {}}, section, out);
    joined.clear();
  }
  return out;
}

ConfLines default_conf_lines() {
  std::unique_ptr<char, void (*)(char*)> path(CONF_get1_default_config_file(),
                                              [](char* p) { OPENSSL_free(p); });
  if (!path) return {};
  ConfLines lines = parse_conf_lines(read_file(path.get()), path.get());
  int left = kMaxIncludes;
  for (std::size_t i = 0; i < lines.size() && left > 0; i++) {
    if (lines[i].name != ".include") continue;
    left--;
    std::string included = lines[i].value;
    ConfLines more = parse_conf_lines(read_file(included), included);
    if (lines.size() + more.size() <= kMaxLines) lines.insert(lines.end(), more.begin(), more.end());
  }
  return lines;
}

Switch find_switch(const ConfLines& lines) {
  std::string main = main_section(lines);
  std::string providers = main.empty() ? "" : value_of(lines, main, "providers");
  if (providers.empty()) return Switch::unknown;
  if (!has(lines, providers, "default")) return Switch::providers;
  return no_suites(lines, main) ? Switch::ciphersuites : Switch::none;
}

const char* switch_name(Switch s) {
  switch (s) {
    case Switch::none:
      return "NONE (default is listed beside attest)";
    case Switch::providers:
      return "only attest is listed";
    case Switch::ciphersuites:
      return "no suites without attest";
    case Switch::unknown:
      break;
  }
  return "unknown";
}

}  // namespace attest
