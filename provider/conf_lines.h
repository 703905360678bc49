// conf_lines.h: openssl.cnf seen line by line, for messages that name the line and for the fail-closed switch
// in force.
#pragma once
#include <string>
#include <vector>

#include "evidence/core/result.h"

namespace attest {

// ConfLine is one "name = value" with the place it came from. Values are as written: variables are not
// expanded.
struct ConfLine {
  std::string file;
  unsigned line = 0;
  std::string section;  // "default" before the first header
  std::string name;
  std::string value;
  std::string where() const { return file + ":" + std::to_string(line); }
};
using ConfLines = std::vector<ConfLine>;

// parse_conf_lines reads the text of one file: comments, continuation lines, section headers. At most 4,096
// lines are kept; a line it does not understand is skipped, since OpenSSL itself has read the file already.
ConfLines parse_conf_lines(std::string_view text, const std::string& file);
// default_conf_lines reads the file OpenSSL would load by default (OPENSSL_CONF, else the compiled-in one)
// and the single files it includes, each at most 1 MiB; empty if it cannot be read.
ConfLines default_conf_lines();

// Switch says what leaves the process without TLS if the module cannot be loaded.
enum class Switch {
  none,          // default is listed beside attest: nothing does
  providers,     // only attest is listed; it loads default itself
  ciphersuites,  // default is listed, but no TLS 1.3 suite is configured; the hook restores them
  unknown,       // the configuration was not found in these lines
};
Switch find_switch(const ConfLines& lines);
const char* switch_name(Switch s);

}  // namespace attest
