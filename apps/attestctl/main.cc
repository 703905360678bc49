// attestctl: the administrator's tool of attest-provider. A file a command; this one only puts them together.
#include <openssl/crypto.h>

#include <cstdio>
#include <exception>

#include "apps/attestctl/commands.h"

namespace attest::ctl {
namespace {

constexpr void (*kCommands[])(CLI::App&, Session&) = {
    add_setup, add_enroll, add_status, add_explain, add_verdicts, add_generate,
    add_verify, add_key, add_metadata, add_policy, add_ca, add_reload,
    add_inspect, add_appraise, add_doctor, add_metrics, add_top, add_measure,
    add_publish, add_compare, add_reference, add_predict, add_dial, add_listen,
    add_request, add_serve, add_proxy,
};

void add_common_options(CLI::App& app, Session& session) {
  app.add_option("--socket", session.socket,
                 "the daemon's socket (default: $ATTEST_SOCKET or /run/attest/attest.sock)");
  app.add_option("--config", session.config, "the daemon's configuration file")
      ->envname("ATTEST_CONFIG")
      ->capture_default_str();
  app.add_flag("--json", session.json, "print one JSON document");
  app.add_flag("--strict", session.strict, "a warning counts as a refusal (exit code 1)");
  app.add_flag("-v,--verbose", session.verbose, "whole hashes");
  app.set_version_flag("--version", "attestctl " ATTEST_VERSION);
  app.fallthrough();
  app.require_subcommand(1);
  app.footer("Exit codes: 0 accepted or done, 1 refused, 2 wrong usage, 3 cannot tell.");
}

int run(int argc, char** argv) {
  CLI::App app{"Attested TLS: set machines up, see what they run on, and learn why a peer was refused.",
               "attestctl"};
  Session session;
  add_common_options(app, session);
  for (auto add : kCommands) add(app, session);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : static_cast<int>(Exit::usage);
  }
  bool lost = std::fflush(stdout) != 0 || std::ferror(stdout) != 0;
  if (lost) std::fputs("attestctl: stdout: cannot be written\n", stderr);
  return static_cast<int>(lost && session.exit == Exit::accepted ? Exit::cannot_tell : session.exit);
}

}  // namespace
}  // namespace attest::ctl

int main(int argc, char** argv) {
  // openssl.cnf would load the module, which would call the daemon for us: never read it.
  OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, nullptr);
  try {
    return attest::ctl::run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "attestctl: %s\n", error.what());
    return static_cast<int>(attest::ctl::Exit::cannot_tell);
  }
}
