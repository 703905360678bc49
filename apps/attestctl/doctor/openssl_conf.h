// openssl_conf.h: what an openssl.cnf says about the module. Read as text, never by OpenSSL: that would load
// the module.
#pragma once
#include <string>

#include "evidence/core/result.h"

namespace attest::ctl::doctor {

struct OpensslConf {
  std::string path, text;
  std::string section;  // of the module; empty: the file names no such provider
  std::string socket = "/run/attest/attest.sock";
  std::string server = "off", client = "require";  // the module's own defaults
  bool loads_default = false;   // "default" stands beside the module: the first switch is off
  bool empties_suites = false;  // "Ciphersuites =": the second switch is on
};

// read_conf reads a file; io if it cannot be read.
Result<OpensslConf> read_conf(const std::string& path);

// without_module is the same configuration on a machine where the module is missing.
std::string without_module(const OpensslConf& conf);

}  // namespace attest::ctl::doctor
