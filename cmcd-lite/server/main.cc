// cmcd-lite: the daemon that owns the hardware and judges peers.
#include <CLI/CLI.hpp>
#include <cstdio>

#include "cmcd-lite/server/daemon.h"
#include "cmcd-lite/server/process.h"

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
  auto daemon = Daemon::make(std::move(options));
  if (!daemon) {
    log_line(daemon.error().what);
    return 1;
  }
  (*daemon)->run();
  log_line("stopped");
  return 0;
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
  bool check = false;
  bool foreground = true;
  app.add_option("-c,--config", config, "configuration file")->capture_default_str();
  app.add_flag("--check-config", check,
               "read the configuration and all it names, say what is wrong, and end");
  app.add_flag("--foreground", foreground,
               "stay in the foreground (the default and only way: a service manager does the rest)");
  app.set_version_flag("--version", std::string("cmcd-lite ") + ATTEST_VERSION);
  CLI11_PARSE(app, argc, argv);
  return check ? check_config(config) : serve(config);
}
