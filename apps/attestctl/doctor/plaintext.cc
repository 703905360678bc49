// Ways around TLS that stand in configuration files.
#include "apps/attestctl/doctor/examine.h"

namespace attest::ctl::doctor {
namespace {

// value of "key value" or "key=value" in a line; empty if the line is about something else.
std::string value_of(const std::string& line, std::string_view key) {
  if (!line.starts_with(key) || line.size() <= key.size()) return {};
  char next = line[key.size()];
  if (next != ' ' && next != '\t' && next != '=') return {};
  std::vector<std::string> parts = words(std::string_view(line).substr(key.size() + 1));
  return parts.empty() ? "" : parts.back();
}

void libpq(std::vector<Finding>& out, const std::string& root) {
  for (const char* pattern :
       {"/etc/postgresql-common/pg_service.conf", "/home/*/.pg_service.conf", "/root/.pg_service.conf"})
    for (const std::string& file : matching(root + pattern))
      for (const std::string& line : read_lines(file)) {
        std::string mode = value_of(line, "sslmode");
        if (mode == "prefer" || mode == "allow" || mode == "disable")
          out.push_back({Level::warn, "plaintext", "sslmode=" + mode + " in " + file + " ends in plain text",
                         "write sslmode=verify-full there"});
      }
}

bool loopback(const std::string& line) {
  return line.find("127.0.0.1") != std::string::npos || line.find("::1") != std::string::npos;
}

void postgresql(std::vector<Finding>& out, const std::string& root) {
  for (const std::string& file : matching(root + "/etc/postgresql/*/*/pg_hba.conf"))
    for (const std::string& line : read_lines(file)) {
      std::vector<std::string> parts = words(line);
      bool plain = !parts.empty() && (parts[0] == "host" || parts[0] == "hostnossl");
      if (!plain || loopback(line) || parts.back() == "reject") continue;
      out.push_back({Level::warn, "plaintext", "\"" + line + "\" in " + file + " lets clients in without TLS",
                     "write hostssl instead of " + parts[0]});
    }
}

void redis(std::vector<Finding>& out, const std::string& root) {
  std::string port = "6379", tls_port, file = root + "/etc/redis/redis.conf";
  for (const std::string& line : read_lines(file)) {
    if (std::string value = value_of(line, "port"); !value.empty()) port = value;
    if (std::string value = value_of(line, "tls-port"); !value.empty()) tls_port = value;
  }
  if (!tls_port.empty() && tls_port != "0" && port != "0")
    out.push_back({Level::warn, "plaintext",
                   "port " + port + " in " + file + " is open in plain text beside tls-port " + tls_port,
                   "write port 0"});
}

}  // namespace

std::vector<Finding> plaintext_settings(const std::string& program, const std::string& root) {
  std::vector<Finding> out;
  if (program == "psql") libpq(out, root);
  if (program == "postgresql") postgresql(out, root);
  if (program == "redis") redis(out, root);
  return out;
}

}  // namespace attest::ctl::doctor
