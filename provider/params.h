// params.h: the attest-* parameters of the module's section in openssl.cnf.
#pragma once
#include <functional>

#include "cmcd-lite/client/connection.h"
#include "provider/conf_lines.h"

namespace attest {

// Settings is what a process was told at load: read once, never changed (nginx workers run with an empty
// environment and cannot read the file again). The defaults demand evidence of servers and nothing of
// clients.
struct Settings {
  ClientOptions
      daemon;  // attest-socket, attest-daemon-uid, attest-connect-ms, attest-quote-ms, attest-judge-ms
  Mode server = Mode::off;      // attest-server: what we, as server, demand of clients
  Mode client = Mode::require;  // attest-client: what we, as client, demand of servers
  std::string policy;           // attest-policy; "" is "default"
  std::string peer;             // attest-peer: the peer's name, whatever SNI says
  bool name_checked = false;    // attest-x509-name-checked: the program itself checks the certificate's name
  bool evidence = true;         // attest-evidence: give evidence when asked
  std::string debug_path;       // attest-debug = file:PATH,level:N
  int debug_level = 0;          // 0: silent
  Mode demand(bool we_are_server) const { return we_are_server ? server : client; }
  bool operator==(const Settings&) const;
};

// ParamSource gives the value of one parameter as the core read it from openssl.cnf; nullptr if it is not
// set.
using ParamSource = std::function<const char*(const char* name)>;

// read_settings takes every parameter from source. A bad value, or an attest-* key in lines that no parameter
// has, is an error "config.bad: …" that names file and line where lines hold them. lines may be empty (the
// file could not be read, or a program loaded another one): unknown keys go unseen then, bad values do not.
Result<Settings> read_settings(const ParamSource& source, const ConfLines& lines);

// parse_debug reads "file:PATH,level:N" (level 1 to 9, default 1) into settings; also the form of
// ATTEST_DEBUG.
Status parse_debug(std::string_view value, Settings& settings);

const char* mode_name(Mode mode);  // "off", "prefer", "require"

}  // namespace attest
