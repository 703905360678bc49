// target.h: what doctor examines: each installed TLS program, once for every way in which it is started.
#pragma once
#include "apps/attestctl/doctor/programs.h"
#include "apps/attestctl/doctor/services.h"

namespace attest::ctl::doctor {

// Target is one program as one service, or as people start it.
struct Target {
  const Program* program = nullptr;
  std::string path;
  std::string unit;  // empty: started by people
  std::string user;  // the user it runs as, "" if it is whoever asks
  Environment env;
  std::string source;                  // the file that names the configuration
  std::string chroot;                  // of its own configuration, "" if none
  std::vector<std::string> admin;      // lines of its own configuration that a copy must have too
  std::vector<std::string> obstacles;  // what keeps attestation from working, found by reading
};

// find_targets finds what is installed under `root` ("" for this machine; programs may also be this
// machine's). `names` limits it to some programs; empty: all.
std::vector<Target> find_targets(const std::string& root, const std::vector<std::string>& names);

}  // namespace attest::ctl::doctor
