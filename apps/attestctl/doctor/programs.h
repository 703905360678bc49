// programs.h: the TLS programs doctor knows, and how a private copy of each is started.
#pragma once
#include "apps/attestctl/doctor/endpoint.h"

namespace attest::ctl::doctor {

// Ground is where a private copy lives: its folder, its port, the certificate it uses.
struct Ground {
  std::string path;    // the program
  std::string folder;  // its own, it may write there
  int port = 0;
  const Identity* identity = nullptr;
  std::string user;                // name of the user it runs as; empty: nobody in particular
  std::vector<std::string> admin;  // lines of the administrator's configuration that change what OpenSSL does
};

// Plan is how to start a copy: files to write, commands to run first, the command.
struct Plan {
  std::vector<std::pair<std::string, std::string>> files;
  std::vector<std::vector<std::string>> before;
  std::vector<std::string> argv;
};

struct Program {
  const char* name;
  bool server;
  Opening opening;
  const char* path;     // where it stands; may have wildcards, the last match counts
  const char* object;   // the file linked with OpenSSL, if that is not the program
  const char* user;     // whom a copy runs as; "": whoever asks
  const char* starter;  // what its unit starts, if that is not the program; "": it has no unit of its own
  Plan (*plan)(const Ground& ground);
};

// programs lists all of them.
const std::vector<Program>& programs();

}  // namespace attest::ctl::doctor
