// linkage.h: which TLS library a program uses.
#pragma once
#include "apps/attestctl/doctor/target.h"

namespace attest::ctl::doctor {

struct Linkage {
  std::string text;  // "OpenSSL 3.0.22 (/lib/x86_64-linux-gnu/libssl.so.3)"
  bool usable;       // an OpenSSL 3: it reads openssl.cnf and knows providers
};

// find_linkage asks the dynamic loader, and looks into the program itself where that names no TLS library.
Linkage find_linkage(const Target& target, const std::string& folder);

}  // namespace attest::ctl::doctor
