// attestctl explain: why a peer was refused, and what would let it in.
#include <cstdio>

#include "apps/attestctl/commands.h"
#include "apps/attestctl/field.h"
#include "apps/attestctl/style.h"
#include "verifier/explain/explain.h"

namespace attest::ctl {
namespace {

Tone tone_of(const std::string& outcome) {
  if (outcome == "accepted") return Tone::good;
  return outcome == "refused" ? Tone::bad : Tone::warn;
}

// print_toned prints the two columns of explain_text, the labels in colour.
void print_toned(const std::string& text, Tone first) {
  constexpr std::size_t kColumn = 10;
  Tone tone = first;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t end = std::min(text.find('\n', at), text.size());
    std::string line = text.substr(at, end - at);
    std::size_t label = std::min(kColumn, line.size());
    std::printf("%s%s\n", toned(tone, line.substr(0, label)).c_str(), line.substr(label).c_str());
    tone = Tone::bold;
    at = end + 1;
  }
}

Result<Exit> run(const Session& session, std::uint64_t id) {
  TRY(Json answer, ask(session, {{"op", "explain"}, {"id", id}}, "waiting for the daemon"));
  TRY(Refusal refusal, parse_refusal(answer.dump()));
  if (session.json)
    std::printf("%s\n", explain_json(refusal).c_str());
  else
    print_toned(explain_text(refusal, {session.verbose}), tone_of(refusal.outcome));
  return Exit::accepted;
}

Result<Exit> recent(const Session& session, unsigned count) {
  TRY(Json answer, ask(session, {{"op", "verdicts"}, {"count", count}}, "waiting for the daemon"));
  if (session.json) return print_json(answer);
  for (const Json& one : list_of(answer, "verdicts")) {
    std::string outcome = text_of(one, "outcome");
    std::string peer = text_of(one, "peer");
    row(std::to_string(number_of(one, "id")),
        text_of(one, "when") + "  " + toned(tone_of(outcome), outcome) + "  " +
            (peer.empty() ? "(no name)" : peer) + " as " + text_of(one, "role") + "  " + text_of(one, "name"),
        Tone::dim);
  }
  if (list_of(answer, "verdicts").empty()) row("none", "no peer has been judged since the daemon started");
  return Exit::accepted;
}

}  // namespace

void add_explain(CLI::App& app_, Session& session) {
  auto id = std::make_shared<std::uint64_t>(0);
  CLI::App* app = command(app_, session, "explain", "say why a peer was refused and what would let it in",
                          [id](Session& s) { return run(s, *id); });
  app->add_option("ID", *id, "number of a verdict (default: the last refusal)");
}

void add_verdicts(CLI::App& app_, Session& session) {
  auto count = std::make_shared<unsigned>(20);
  CLI::App* app = command(app_, session, "verdicts", "list the last verdicts",
                          [count](Session& s) { return recent(s, *count); });
  app->add_option("-n,--count", *count, "how many")->capture_default_str()->check(CLI::Range(1, 1000));
}

}  // namespace attest::ctl
