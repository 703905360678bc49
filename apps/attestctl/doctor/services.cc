#include "apps/attestctl/doctor/services.h"

#include <glob.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "evidence/core/bytes.h"
#include "evidence/core/file.h"
#include "evidence/core/owned.h"

namespace attest::ctl::doctor {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxText = 1 << 20;
constexpr const char* kUnitFolders[] = {"/etc/systemd/system", "/run/systemd/system",
                                        "/usr/local/lib/systemd/system", "/usr/lib/systemd/system",
                                        "/lib/systemd/system"};

using Keys = std::map<std::string, std::vector<std::string>>;

std::string trimmed(std::string_view text) {
  std::size_t first = text.find_first_not_of(" \t\r"), last = text.find_last_not_of(" \t\r");
  return first == std::string_view::npos ? "" : std::string(text.substr(first, last - first + 1));
}

// split_setting splits NAME=VALUE; quotes around the value go.
std::optional<std::pair<std::string, std::string>> split_setting(std::string_view text) {
  std::size_t at = text.find('=');
  if (at == std::string_view::npos || at == 0) return std::nullopt;
  std::string value = trimmed(text.substr(at + 1));
  if (value.size() >= 2 && (value[0] == '"' || value[0] == '\'') && value.back() == value[0])
    value = value.substr(1, value.size() - 2);
  return std::pair{trimmed(text.substr(0, at)), value};
}

// set puts a setting into an environment and remembers who pointed OpenSSL somewhere.
void set(Environment& env, std::string& source, std::string_view text, const std::string& file) {
  auto setting = split_setting(text);
  if (!setting) return;
  if (setting->first == "OPENSSL_CONF") source = file;
  env[setting->first] = setting->second;
}

void read_environment_file(Service& service, const std::string& root, std::string path) {
  if (path.starts_with('-')) path.erase(0, 1);
  for (const std::string& file : matching(root + path))
    for (const std::string& line : read_lines(file)) set(service.env, service.source, line, file);
}

// read_part adds the [Service] section of one file. An empty value takes back what was said before.
void read_part(Service& service, Keys& keys, const std::string& root, const std::string& file) {
  bool in_service = false;
  for (const std::string& line : read_lines(file)) {
    if (line.starts_with('[')) in_service = line == "[Service]";
    auto setting = in_service ? split_setting(line) : std::nullopt;
    if (!setting) continue;
    std::vector<std::string>& values = keys[setting->first];
    if (setting->second.empty()) values.clear();
    values.push_back(line.substr(line.find('=') + 1));
    if (setting->first == "EnvironmentFile") read_environment_file(service, root, setting->second);
    if (setting->first == "Environment")
      for (const std::string& word : words(values.back())) set(service.env, service.source, word, file);
  }
}

std::string last(const Keys& keys, const char* key) {
  auto found = keys.find(key);
  return found == keys.end() || found->second.empty() ? "" : trimmed(found->second.back());
}

bool is_on(const Keys& keys, const char* key) {
  std::string value = last(keys, key);
  return value == "yes" || value == "true" || value == "on" || value == "1";
}

// listed: a list of the unit names `wanted` or a folder above it.
bool listed(const Keys& keys, const char* key, const std::string& wanted) {
  auto found = keys.find(key);
  if (found == keys.end()) return false;
  for (const std::string& value : found->second)
    for (std::string word : words(value)) {
      while (!word.empty() && (word[0] == '-' || word[0] == '+')) word.erase(0, 1);
      if (word == wanted || word == "/" || wanted.starts_with(word + "/")) return true;
    }
  return false;
}

// unix_sockets: RestrictAddressFamilies lets the program speak to the daemon.
bool unix_sockets(const Keys& keys) {
  auto found = keys.find("RestrictAddressFamilies");
  if (found == keys.end()) return true;
  bool forbids = false, allows = false, names = false;
  for (const std::string& value : found->second) {
    bool inverted = trimmed(value).starts_with('~');
    forbids = forbids || inverted;
    names = names || value.find("AF_UNIX") != std::string::npos;
    allows = allows || (!inverted && value.find("AF_UNIX") != std::string::npos);
  }
  return forbids ? !names : allows;
}

void find_obstacles(Service& service, const Keys& keys) {
  auto add = [&](const std::string& text) { service.obstacles.push_back(text); };
  if (!last(keys, "RootDirectory").empty() || !last(keys, "RootImage").empty())
    add("RootDirectory or RootImage gives it a file system of its own: configuration, module and socket must "
        "be in there");
  if (!unix_sockets(keys))
    add("RestrictAddressFamilies forbids Unix sockets: add AF_UNIX in the drop-in, or every handshake fails "
        "closed");
  if (is_on(keys, "PrivateUsers"))
    add("PrivateUsers hides its user from the daemon: PrivateUsers=false in the drop-in, or every handshake "
        "fails closed");
  if (listed(keys, "NoExecPaths", "/usr/lib") && !listed(keys, "ExecPaths", "/usr/lib"))
    add("NoExecPaths keeps it from loading the module: ExecPaths=/usr/lib in the drop-in");
  if (listed(keys, "InaccessiblePaths", "/run/attest"))
    add("InaccessiblePaths hides the daemon's socket: BindPaths=/run/attest in the drop-in");
  std::string name = fs::path(service.program).filename().string();
  if (name == "docker" || name == "podman" || name == "systemd-nspawn" || name == "lxc-start")
    add("it runs in a container: mount configuration, module and socket into it and examine it there");
}

// drop_ins of a unit, in systemd's order: by name, whatever folder they are in.
std::vector<std::string> drop_ins(const std::string& root, const std::string& unit) {
  std::map<std::string, std::string> by_name;
  for (const char* folder : kUnitFolders)
    for (const std::string& file : matching(root + folder + "/" + unit + ".d/*.conf"))
      by_name.emplace(fs::path(file).filename().string(), file);
  std::vector<std::string> files;
  for (const auto& [name, file] : by_name) files.push_back(file);
  return files;
}

Service read_service(const std::string& root, const std::string& file) {
  Service service;
  Keys keys;
  service.unit = fs::path(file).filename().string();
  service.by_hand = file.starts_with(root + "/etc/");
  read_part(service, keys, root, file);
  for (const std::string& part : drop_ins(root, service.unit)) read_part(service, keys, root, part);
  std::vector<std::string> start = words(last(keys, "ExecStart"));
  if (!start.empty()) service.program = start[0].substr(std::min(start[0].find('/'), start[0].size()));
  service.user = last(keys, "User");
  find_obstacles(service, keys);
  return service;
}

}  // namespace

std::vector<std::string> read_lines(const std::string& path) {
  std::vector<std::string> lines;
  Result<Bytes> bytes = read_file(path, kMaxText);
  if (!bytes) return lines;
  std::string_view text = as_text(*bytes);
  while (!text.empty()) {
    std::size_t end = std::min(text.find('\n'), text.size());
    std::string line = trimmed(text.substr(0, end));
    if (!line.empty() && line[0] != '#' && line[0] != ';') lines.push_back(line);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

std::vector<std::string> matching(const std::string& pattern) {
  glob_t found{};
  std::vector<std::string> files;
  if (glob(pattern.c_str(), 0, nullptr, &found) == 0)
    files.assign(found.gl_pathv, found.gl_pathv + found.gl_pathc);
  globfree(&found);
  return files;
}

std::vector<std::string> words(std::string_view text) {
  std::vector<std::string> out;
  std::string word;
  char quote = 0;
  bool any = false;
  for (char c : text) {
    if (quote == 0 && (c == ' ' || c == '\t')) {
      if (any) out.push_back(std::exchange(word, {}));
      any = false;
    } else if (c == quote || (quote == 0 && (c == '"' || c == '\''))) {
      quote = quote == 0 ? c : 0;
      any = true;
    } else {
      word += c;
      any = true;
    }
  }
  if (any) out.push_back(word);
  return out;
}

std::vector<Service> read_services(const std::string& root) {
  std::vector<Service> services;
  std::set<std::string> seen;
  for (const char* folder : kUnitFolders)
    for (const std::string& file : matching(root + folder + "/*.service"))
      if (seen.insert(fs::path(file).filename().string()).second)
        services.push_back(read_service(root, file));
  return services;
}

Login read_login(const std::string& root) {
  Login login;
  std::vector<std::string> files = matching(root + "/etc/profile.d/*.sh");
  files.insert(files.begin(), root + "/etc/environment");
  for (const std::string& file : files)
    for (const std::string& line : read_lines(file))
      set(login.env, login.source, line.starts_with("export ") ? line.substr(7) : line, file);
  for (char** each = root.empty() ? environ : nullptr; each != nullptr && *each != nullptr; each++) {
    std::string_view text = *each;
    if (text.starts_with("OPENSSL_") || text.starts_with("PG") || text.starts_with("NODE_"))
      set(login.env, login.source, text, "the environment of attestctl");
  }
  return login;
}

}  // namespace attest::ctl::doctor
