// attest-epochd: signs Epoch IDs every few seconds, and brings them to machines. Meant for a machine that no policy judges.
#include <openssl/crypto.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>

#include "apps/attest-epochd/commands.h"

namespace {

using namespace attest;
using namespace attest::epochd;

void say(const std::string& text) { std::fprintf(stderr, "attest-epochd: %s\n", text.c_str()); }

// stopped waits for SIGTERM or SIGINT, which main has blocked.
bool stopped(std::chrono::seconds wait) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  timespec time{wait.count(), 0};
  return ::sigtimedwait(&set, nullptr, &time) > 0;
}

void prepare() {
  ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  rlimit none{0, 0};
  ::setrlimit(RLIMIT_CORE, &none);
  CRYPTO_secure_malloc_init(1 << 16, 32);
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

int result(const Status& status) {
  if (status) return 0;
  say(status.error().what);
  return 1;
}

void add_serve(CLI::App& app, int& exit) {
  auto options = std::make_shared<ServeOptions>();
  auto seconds = std::make_shared<int>(5);
  CLI::App* serve_app = app.add_subcommand("serve", "sign an Epoch ID every few seconds");
  serve_app->add_option("--state", options->state, "folder of the key and of the last sequence")->capture_default_str();
  serve_app->add_option("--file", options->file, "keep the newest Epoch ID in this file");
  serve_app->add_option("--listen", options->https.address, "HOST:PORT to serve https://…/epoch-id on")->capture_default_str();
  auto* cert = serve_app->add_option("--cert", options->https.cert, "certificate chain of the HTTPS server, PEM");
  serve_app->add_option("--cert-key", options->https.key, "its key, PEM")->needs(cert);
  serve_app->add_option("--interval", *seconds, "seconds")->capture_default_str()->check(CLI::Range(1, 3600));
  serve_app->callback([options, seconds, &exit] {
    options->interval = std::chrono::seconds(*seconds);
    if (options->file.empty() && options->https.cert.empty())
      return say("serve: give --file, or --cert and --cert-key"), void(exit = 2);
    exit = result(serve(*options, say, stopped));
  });
}

void add_fetch(CLI::App& app, int& exit) {
  auto options = std::make_shared<FetchOptions>();
  auto seconds = std::make_shared<int>(0);
  CLI::App* fetch_app = app.add_subcommand("fetch", "bring the newest Epoch ID into a file");
  fetch_app->add_option("source", options->url, "https://HOST[:PORT]/epoch-id, or a path")->required();
  fetch_app->add_option("--key", options->key, "public key of the distributor, PEM")->required();
  fetch_app->add_option("--out", options->out, "file to fill, as \"epochs\" in cmcd.json names it")->required();
  fetch_app->add_option("--ca", options->ca, "roots for HTTPS, PEM (default: the system's)");
  fetch_app->add_option("--every", *seconds, "seconds; without it once")->check(CLI::Range(1, 3600));
  fetch_app->callback([options, seconds, &exit] {
    options->interval = std::chrono::seconds(*seconds);
    exit = result(fetch(*options, say, stopped));
  });
}

void add_small(CLI::App& app, int& exit) {
  auto folder = std::make_shared<std::string>("/var/lib/attest-epochd");
  CLI::App* init = app.add_subcommand("init", "make the key that signs; epochd.pem is what policies name");
  init->add_option("--state", *folder, "folder of the key")->capture_default_str();
  init->callback([folder, &exit] { exit = result(make_key(*folder)); });
  auto file = std::make_shared<std::string>();
  auto key = std::make_shared<std::string>();
  CLI::App* show = app.add_subcommand("show", "say what a file holds");
  show->add_option("file", *file, "a file with an Epoch ID")->required();
  show->add_option("--key", *key, "public key of the distributor, PEM")->required();
  show->callback([file, key, &exit] {
    auto text = describe_file(*file, *key);
    if (text) std::printf("%s\n", text->c_str());
    exit = text ? 0 : result(text.error());
  });
}

}  // namespace

int main(int argc, char** argv) {
  // openssl.cnf may load the attest module, which has no business here.
  OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, nullptr);
  prepare();
  int exit = 0;
  CLI::App app("attest-epochd signs Epoch IDs, by which evidence proves its age, and brings them to machines", "attest-epochd");
  app.require_subcommand(1);
  app.set_version_flag("--version", "attest-epochd " ATTEST_VERSION);
  add_small(app, exit);
  add_serve(app, exit);
  add_fetch(app, exit);
  CLI11_PARSE(app, argc, argv);
  return exit;
}
