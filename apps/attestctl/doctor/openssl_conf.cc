#include "apps/attestctl/doctor/openssl_conf.h"

#include <map>
#include <vector>

#include "evidence/core/bytes.h"
#include "evidence/core/file.h"

namespace attest::ctl::doctor {
namespace {

using Section = std::vector<std::pair<std::string, std::string>>;

std::string trimmed(std::string_view text) {
  std::size_t first = text.find_first_not_of(" \t\r"), last = text.find_last_not_of(" \t\r");
  return first == std::string_view::npos ? "" : std::string(text.substr(first, last - first + 1));
}

// for_each_line calls f(line as it stands, its text without comment and blanks).
template <class F>
void for_each_line(std::string_view text, F&& f) {
  while (!text.empty()) {
    std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    f(line, trimmed(line.substr(0, line.find('#'))));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

std::string section_of(std::string_view line) {
  return line.size() > 2 && line.front() == '[' && line.back() == ']'
             ? trimmed(line.substr(1, line.size() - 2))
             : "";
}

std::map<std::string, Section> parse(std::string_view text) {
  std::map<std::string, Section> sections;
  std::string now = "default";
  for_each_line(text, [&](std::string_view, const std::string& line) {
    std::size_t at = line.find('=');
    if (std::string name = section_of(line); !name.empty())
      now = name;
    else if (at != std::string::npos)
      sections[now].emplace_back(trimmed(std::string_view(line).substr(0, at)),
                                 trimmed(std::string_view(line).substr(at + 1)));
  });
  return sections;
}

// value of a key; OpenSSL takes the last.
std::string value(const Section& section, std::string_view key) {
  std::string found;
  for (const auto& [name, text] : section)
    if (name == key) found = text;
  return found;
}

bool is_module(const std::string& name, const Section& section) {
  return name == "attest" || value(section, "module").ends_with("attest.so");
}

}  // namespace

Result<OpensslConf> read_conf(const std::string& path) {
  TRY(Bytes bytes, read_file(path, 1 << 20));
  OpensslConf conf;
  conf.path = path;
  conf.text = std::string(as_text(bytes));
  auto sections = parse(conf.text);
  const Section& start = sections[value(sections["default"], "openssl_conf")];
  for (const auto& [name, section] : sections[value(start, "providers")]) {
    if (is_module(name, sections[section])) conf.section = section;
    conf.loads_default = conf.loads_default || name == "default";
  }
  const Section& module = sections[conf.section];
  auto take = [&](const char* key, std::string& into) {
    if (std::string text = value(module, key); !text.empty()) into = text;
  };
  take("attest-socket", conf.socket);
  take("attest-server", conf.server);
  take("attest-client", conf.client);
  const Section& tls = sections[value(sections[value(start, "ssl_conf")], "system_default")];
  for (const auto& [name, text] : tls)
    conf.empties_suites = conf.empties_suites || (name == "Ciphersuites" && text.empty());
  return conf;
}

std::string without_module(const OpensslConf& conf) {
  std::string out;
  bool inside = false;
  for_each_line(conf.text, [&](std::string_view whole, const std::string& line) {
    std::string name = section_of(line);
    if (!name.empty()) inside = name == conf.section;
    if (inside && line.starts_with("module")) return;
    out.append(whole).push_back('\n');
    if (inside && !name.empty()) out += "module = /nonexistent/attest.so\n";
  });
  return out;
}

}  // namespace attest::ctl::doctor
