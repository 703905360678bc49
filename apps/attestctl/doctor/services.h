// services.h: how the programs of this machine are started: systemd units with their drop-ins, and the
// environment of logins. Only files are read, so that a machine can be examined that does not run (a
// container's image, a test's folder).
#pragma once
#include "apps/attestctl/doctor/child.h"

namespace attest::ctl::doctor {

// Service is one unit, its drop-ins applied.
struct Service {
  std::string unit;      // "nginx.service"
  bool by_hand = false;  // stands in /etc: an administrator made it, no package
  std::string program;   // of ExecStart
  std::string user;      // User=, empty if none
  Environment env;
  std::string source;  // the file that sets OPENSSL_CONF; empty if none does
  std::vector<std::string>
      obstacles;  // what keeps attestation from working, one sentence with its remedy each
};

// read_services reads the units under `root` ("" for this machine).
std::vector<Service> read_services(const std::string& root);

// Login is the environment of a person's programs.
struct Login {
  Environment env;
  std::string source;
};
// read_login reads /etc/environment and /etc/profile.d; without a root our own environment counts as well.
Login read_login(const std::string& root);

// read_lines reads a text file of an administrator, without comments and empty lines; empty if there is none.
std::vector<std::string> read_lines(const std::string& path);
// matching lists the files a pattern names (as a shell would), in order.
std::vector<std::string> matching(const std::string& pattern);
// words splits at blanks and takes quotes off.
std::vector<std::string> words(std::string_view text);

}  // namespace attest::ctl::doctor
