#include "apps/attestctl/session.h"

#include <cstdio>
#include <cstdlib>

#include "apps/attestctl/long_call.h"
#include "apps/attestctl/progress.h"
#include "cmcd-lite/client/connection.h"

namespace attest::ctl {
namespace {

constexpr std::chrono::milliseconds kControlTimeout{30000};
constexpr std::chrono::milliseconds kLongTimeout{120000};  // a TPM that makes an RSA key, and a slow server

void report(const Session& session, const Error& error) {
  if (session.json)
    print_json({{"error", {{"code", errc_name(error.code)}, {"text", error.what}}}});
  else
    std::fprintf(stderr, "attestctl: %s\n", error.what.c_str());
}

std::string socket_path(const Session& session) {
  if (!session.socket.empty()) return session.socket;
  const char* named = std::getenv("ATTEST_SOCKET");
  return named && *named ? named : ClientOptions{}.socket;
}

Result<Json> ask_for(std::chrono::milliseconds patience, const Session& session, const Json& call, std::string_view what) {
  Progress progress(what);
  ClientOptions options;
  options.socket = socket_path(session);
  TRY(Connection daemon, Connection::open(options));
  TRY(std::string text,
      daemon.control(call.dump(-1, ' ', false, Json::error_handler_t::replace), patience));
  Json answer = Json::parse(text, nullptr, false);
  if (!answer.is_object()) return Error{Errc::malformed, "daemon: its answer is not a JSON object"};
  return answer;
}

}  // namespace

CLI::App* command(CLI::App& parent, Session& session, const std::string& name, const std::string& help,
                  Run run) {
  CLI::App* app = parent.add_subcommand(name, help);
  app->callback([&session, run = std::move(run)] {
    Result<Exit> exit = run(session);
    if (!exit) report(session, exit.error());
    session.exit = exit ? *exit : Exit::cannot_tell;
  });
  return app;
}

CLI::App* group(CLI::App& parent, const std::string& name, const std::string& help) {
  CLI::App* app = parent.add_subcommand(name, help);
  app->require_subcommand(1);
  return app;
}

Exit usage(const Session& session, const std::string& text) {
  report(session, {Errc::denied, text});
  return Exit::usage;
}

Result<Json> ask(const Session& session, const Json& call, std::string_view what) {
  return ask_for(kControlTimeout, session, call, what);
}

Result<Json> ask_long(const Session& session, const Json& call, std::string_view what) {
  return ask_for(kLongTimeout, session, call, what);
}

Exit print_json(const Json& document) {
  std::printf("%s\n", document.dump(2, ' ', false, Json::error_handler_t::replace).c_str());
  return Exit::accepted;
}

}  // namespace attest::ctl
