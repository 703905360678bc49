#include "apps/attestctl/doctor/target.h"

#include <algorithm>
#include <filesystem>

namespace attest::ctl::doctor {
namespace {

// locate finds a program under root, else on this machine; the newest where a pattern fits several.
std::string locate(const std::string& root, const std::string& pattern) {
  std::vector<std::string> found = matching(root + pattern);
  if (found.empty()) found = matching(pattern);
  return found.empty() ? "" : found.back();
}

// values of a word-by-word configuration: lines that begin with `key`.
std::vector<std::string> lines_with(const std::string& file, std::string_view key) {
  std::vector<std::string> out;
  for (const std::string& line : read_lines(file)) {
    std::vector<std::string> parts = words(line);
    if (!parts.empty() && parts[0] == key) out.push_back(line);
  }
  return out;
}

std::string last_value(const std::vector<std::string>& lines) {
  std::vector<std::string> parts = lines.empty() ? std::vector<std::string>{} : words(lines.back());
  return parts.size() < 2 ? "" : parts.back();
}

void read_haproxy(Target& target, const std::string& root) {
  std::string file = root + "/etc/haproxy/haproxy.cfg";
  target.chroot = last_value(lines_with(file, "chroot"));
  for (const char* key : {"ssl-provider", "ssl-provider-path", "ssl-propquery",
                          "ssl-default-bind-ciphersuites", "ssl-default-server-ciphersuites"})
    for (const std::string& line : lines_with(file, key)) target.admin.push_back(line);
}

void read_stunnel(Target& target, const std::string& root) {
  for (const std::string& file : matching(root + "/etc/stunnel/*.conf"))
    if (std::string folder = last_value(lines_with(file, "chroot")); !folder.empty()) target.chroot = folder;
}

// read_postgresql: Debian's pg_ctlcluster starts the server with the variables of its own file and no others.
void read_postgresql(Target& target, const std::string& root) {
  bool unit_sets_it = target.env.count("OPENSSL_CONF") != 0;
  target.env.clear();
  target.source.clear();
  for (const std::string& file : matching(root + "/etc/postgresql/*/*/environment"))
    for (const std::string& line : read_lines(file)) {
      std::size_t at = line.find('=');
      std::vector<std::string> value = words(line.substr(std::min(at + 1, line.size())));
      std::vector<std::string> name = words(line.substr(0, at));
      if (at == std::string::npos || name.size() != 1 || value.size() != 1) continue;
      target.env[name[0]] = value[0];
      if (name[0] == "OPENSSL_CONF") target.source = file;
    }
  if (unit_sets_it && target.source.empty())
    target.obstacles.push_back(
        "OPENSSL_CONF in the unit has no effect: write it into /etc/postgresql/VERSION/CLUSTER/environment");
}

void read_apache(Target& target, const std::string& root) {
  std::string file = root + "/etc/apache2/envvars";
  for (const std::string& line : read_lines(file)) {
    constexpr std::string_view kStart = "export OPENSSL_CONF=";
    if (!line.starts_with(kStart)) continue;
    target.env["OPENSSL_CONF"] = words(line.substr(kStart.size())).at(0);
    target.source = file;
  }
}

void read_own_configuration(Target& target, const std::string& root) {
  std::string_view name = target.program->name;
  if (name == "haproxy") read_haproxy(target, root);
  if (name == "stunnel") read_stunnel(target, root);
  if (name == "postgresql") read_postgresql(target, root);
  if (name == "apache") read_apache(target, root);
}

Target as_service(const Program& program, const std::string& path, const Service& service,
                  const std::string& root) {
  Target target{&program,       path, service.unit, service.user,     service.env,
                service.source, {},   {},           service.obstacles};
  if (target.user.empty()) target.user = program.user;
  read_own_configuration(target, root);
  return target;
}

bool starts(const Service& service, const Program& program) {
  if (*program.starter == 0 || service.program.empty()) return false;
  if (!program.server && !service.by_hand) return false;  // scripts of packages are no TLS services
  std::string name = std::filesystem::path(service.program).filename().string();
  std::string_view wanted = program.starter;
  return service.program == wanted ||
         (!program.server && name.starts_with(wanted.substr(wanted.rfind('/') + 1)));
}

}  // namespace

std::vector<Target> find_targets(const std::string& root, const std::vector<std::string>& names) {
  std::vector<Service> services = read_services(root);
  Login login = read_login(root);
  std::vector<Target> targets;
  for (const Program& program : programs()) {
    bool wanted = names.empty() || std::ranges::find(names, program.name) != names.end();
    std::string path = wanted ? locate(root, program.path) : "";
    if (path.empty()) continue;
    std::size_t before = targets.size();
    for (const Service& service : services)
      if (starts(service, program)) targets.push_back(as_service(program, path, service, root));
    if (!program.server) targets.push_back({&program, path, "", "", login.env, login.source, {}, {}, {}});
    if (program.server && targets.size() == before)  // installed without a unit: as if it had an empty one
      targets.push_back(as_service(program, path, Service{}, root));
  }
  return targets;
}

}  // namespace attest::ctl::doctor
