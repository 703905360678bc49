// attest-demo: a TLS client and server in plain OpenSSL, as found in a thousand programs.
//   attest-demo server HOST:PORT CERT KEY [CONNECTIONS]
//   attest-demo client HOST:PORT NAME CA [CERT KEY]
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "apps/attest-demo/tls.h"

int main(int argc, char** argv) {
  std::vector<std::string> args(argv + 1, argv + argc);
  if (args.size() >= 4 && args.size() <= 5 && args[0] == "server")
    return demo::run_server(args[1], {args[2], args[3], ""},
                            args.size() == 5 ? std::atoi(args[4].c_str()) : 0);
  if (args.size() == 4 && args[0] == "client") return demo::run_client(args[1], args[2], {"", "", args[3]});
  if (args.size() == 6 && args[0] == "client")
    return demo::run_client(args[1], args[2], {args[4], args[5], args[3]});
  std::fprintf(stderr,
               "usage: attest-demo server HOST:PORT CERT KEY [CONNECTIONS]\n"
               "       attest-demo client HOST:PORT NAME CA [CERT KEY]\n");
  return 2;
}
