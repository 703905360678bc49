#include "apps/attestctl/doctor/linkage.h"

#include <algorithm>

#include "evidence/core/bytes.h"
#include "evidence/core/file.h"

namespace attest::ctl::doctor {
namespace {

constexpr std::size_t kMaxProgram = 256 << 20;

// openssl_version finds "OpenSSL 3.0.22" in a file; empty if there is none.
std::string openssl_version(const std::string& file) {
  Result<Bytes> bytes = read_file(file, kMaxProgram);
  if (!bytes) return {};
  std::string_view text = as_text(*bytes), name = "OpenSSL ";
  for (std::size_t at = text.find(name); at != std::string_view::npos; at = text.find(name, at + 1)) {
    std::string_view rest = text.substr(at + name.size(), 12);
    std::size_t length = std::min(rest.find_first_not_of("0123456789."), rest.size());
    if (std::ranges::count(rest.substr(0, length), '.') == 2 && length >= 5)
      return std::string(text.substr(at, name.size() + length));
  }
  return {};
}

// library finds the path the loader gave for a name: "\tlibssl.so.3 => /lib/…/libssl.so.3 (0x…)".
std::string library(const std::vector<std::string>& listed, std::string_view name) {
  for (const std::string& line : listed) {
    std::vector<std::string> parts = words(line);
    if (parts.size() >= 3 && parts[0].starts_with(name) && parts[1] == "=>") return parts[2];
  }
  return {};
}

std::vector<std::string> listed_by_loader(const std::string& object, const std::string& folder) {
  for (const char* loader : {"/lib64/ld-linux-x86-64.so.2", "/lib/ld-linux-aarch64.so.1"}) {
    if (matching(loader).empty()) continue;
    Command command{{loader, "--list", object}, {}, folder, folder + "/libraries", {}};
    Status done = run_to_end(command, Clock::now() + std::chrono::seconds(10));
    if (done) return read_lines(command.log);
  }
  return {};
}

}  // namespace

Linkage find_linkage(const Target& target, const std::string& folder) {
  std::vector<std::string> objects = matching(*target.program->object ? target.program->object : target.path);
  std::string object = objects.empty() ? target.path : objects.back();
  std::vector<std::string> listed = listed_by_loader(object, folder);
  if (std::string file = library(listed, "libssl.so.3"); !file.empty()) {
    std::string version = openssl_version(library(listed, "libcrypto.so.3"));
    return {(version.empty() ? "OpenSSL 3" : version) + " (" + file + ")", true};
  }
  if (std::string file = library(listed, "libssl.so"); !file.empty())
    return {file + ", older than OpenSSL 3: it knows no providers", false};
  for (const char* other : {"libgnutls", "libnss3", "libmbedtls", "libwolfssl"})
    if (std::string file = library(listed, other); !file.empty())
      return {file + ", which is not OpenSSL", false};
  std::string own = openssl_version(object);
  if (own.starts_with("OpenSSL 3.")) return {own + " of its own, inside " + object, true};
  if (!own.empty()) return {own + " of its own, older than 3", false};
  return {"no TLS library that the loader names", true};  // a script, say: what it does is tried out
}

}  // namespace attest::ctl::doctor
