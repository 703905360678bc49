// cmcd-lite: the daemon that owns the hardware and judges peers.
#include <CLI/CLI.hpp>
#include <cstdio>

#include "cmcd-lite/server/cmc/agent_file.h"
#include "cmcd-lite/server/daemon.h"
#include "cmcd-lite/server/process/process.h"
#include "evidence/core/file.h"

namespace {

using namespace attest;

int check_config(const std::string& path) {
  auto state = load_state(path, wall_clock_now());
  if (!state) {
    std::fprintf(stderr, "%s\n", state.error().what.c_str());
    return 1;
  }
  for (const std::string& warning : (*state)->warnings)
    std::fprintf(stderr, "warning: %s\n", warning.c_str());
  std::printf("%s: ok (%zu callers, %zu policies, %zu metadata items)\n", path.c_str(),
              (*state)->access.rules().size(), (*state)->policies.size(), (*state)->active->items().size());
  return 0;
}

int serve(const std::string& path) {
  harden_process();
  if (!lock_key_memory()) log_line("warning: short-lived keys are not locked in memory (LimitMEMLOCK)");
  if (geteuid() == 0) log_line("warning: running as root; the unit file gives the daemon a user of its own");
  Daemon::Options options;
  options.config = path;
  options.log = log_line;
  options.signals = true;
  options.abandon = [] { std::_Exit(0); };  // nothing else is left to do by then
  auto daemon = Daemon::make(std::move(options));
  if (!daemon) {
    log_line(daemon.error().what);
    return 1;
  }
  (*daemon)->run();
  log_line("stopped");
  return 0;
}

// take_over writes the cmcd.json that a file of CMC's agent amounts to, and returns its path.
Result<std::string> take_over(const std::string& agent_file, const AgentSwitches& switches) {
  TRY(Converted converted, convert_agent_file(agent_file, switches));
  for (const std::string& note : converted.notes) log_line(note);
  std::error_code error;
  std::filesystem::create_directories(converted.state_dir + "/policies", error);
  std::string path = converted.state_dir + "/cmcd.json";
  CHECK_OK(write_file_atomic(path, as_view(converted.json), 0600));
  log_line(agent_file + " is taken over as " + path);
  return path;
}

}  // namespace

int main(int argc, char** argv) {
  if (auto isolated = isolate_openssl(); !isolated) {
    log_line(isolated.error().what);
    return 1;
  }
  CLI::App app(
      "cmcd-lite owns the machine's attestation devices, makes evidence for local programs and judges their "
      "peers");
  std::string config = "/etc/attest/cmcd.json";
  std::string agent_file;
  AgentSwitches switches;
  bool check = false;
  bool foreground = true;
  app.add_option("-c,--config", config, "configuration file")->capture_default_str();
  app.add_option("--cmc-config", agent_file, "configuration file of CMC's agent (or several: A,B), in place of ours: it is taken over as cmcd.json in its \"storage\"")
      ->excludes("--config");
  app.add_flag("--one-root", switches.one_root, "with --cmc-config: its rootCas may certify metadata signers and attestation keys alike")
      ->needs("--cmc-config");
  app.add_option("--remote-calls", switches.remote_calls,
                 "with --cmc-config: calls to serve without peer credentials: attest, tls-create, tls-sign, tls-cert")
      ->delimiter(',')
      ->needs("--cmc-config");
  app.add_flag("--check-config", check,
               "read the configuration and all it names, say what is wrong, and end");
  app.add_flag("--foreground", foreground,
               "stay in the foreground (the default and only way: a service manager does the rest)");
  app.set_version_flag("--version", std::string("cmcd-lite ") + ATTEST_VERSION);
  CLI11_PARSE(app, argc, argv);
  if (!agent_file.empty()) {
    auto taken = take_over(agent_file, switches);
    if (!taken) {
      log_line(taken.error().what);
      return 1;
    }
    config = *std::move(taken);
  }
  return check ? check_config(config) : serve(config);
}
