// attestctl reload: make the daemon read its configuration and metadata again.
#include "apps/attestctl/commands.h"
#include "apps/attestctl/style.h"

namespace attest::ctl {
namespace {

Result<Exit> run(const Session& session) {
  TRY(Json answer, ask(session, {{"op", "reload"}}, "waiting for the daemon"));
  if (session.json) return print_json(answer);
  row("reloaded",
      "configuration, policies and metadata; handshakes that had begun keep what they began with");
  return Exit::accepted;
}

}  // namespace

void add_reload(CLI::App& app, Session& session) {
  command(app, session, "reload", "make the daemon read its files again", [](Session& s) { return run(s); });
}

}  // namespace attest::ctl
