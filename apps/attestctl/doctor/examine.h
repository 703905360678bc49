// examine.h: the examination of one program, and what it found.
#pragma once
#include "apps/attestctl/doctor/target.h"

namespace attest::ctl::doctor {

//   ok    attested, and closed without the module
//   off   our configuration does not reach it, and nothing says that it should
//   warn  works, with a gap somebody should know
//   fail  not what its configuration says: unattested, open without the module, or closed to everybody
enum class Level { ok, off, warn, fail };

struct Finding {
  Level level;
  std::string id;      // stable: "module.missing", "plaintext"
  std::string text;    // what is so
  std::string remedy;  // what to do; empty if nothing
};

struct Report {
  std::string program, path, unit, openssl, configuration, source;
  std::optional<bool> armed;   // nullopt: not examined
  std::string without_module;  // "does not start", "no TLS", "plain TLS"; empty: not examined
  std::vector<Finding> findings;
  Level level() const;
};

// examine starts private copies of the target in `folder`; no service of the administrator is touched.
Report examine(const Target& target, const Identity& identity, const std::string& folder);

// plaintext_settings looks through files for ways around TLS that no handshake shows.
std::vector<Finding> plaintext_settings(const std::string& program, const std::string& root);

}  // namespace attest::ctl::doctor
