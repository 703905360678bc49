// attestctl status: what this machine is, what it runs and how its daemon does.
#include <cstdio>

#include "apps/attestctl/commands.h"
#include "apps/attestctl/field.h"
#include "apps/attestctl/style.h"
#include "evidence/core/time.h"

namespace attest::ctl {
namespace {

constexpr std::int64_t kDay = 86400;

void show_machine(const Session& session, const Json& tpm) {
  std::string state = text_of(tpm, "state");
  std::string text = text_of(tpm, "driver").empty() ? "no TPM" : text_of(tpm, "driver");
  if (!text_of(tpm, "ak_name").empty())
    text += " · " + text_of(tpm, "ak_algorithm") + " AK " +
            short_or_whole(text_of(tpm, "ak_name"), session.verbose);
  std::string until = text_of(tpm, "ak_certified_until");
  text += until.empty() ? " · AK not certified" : " · certified until " + until.substr(0, 10);
  if (!state.empty() && state != "ready") text += " · " + state;
  row("machine", text);
}

std::int64_t days_left(const Json& item) {
  Result<UnixTime> end = parse_rfc3339(text_of(item, "not_after"));
  return end ? (*end - wall_clock_now()) / kDay : 0;
}

void show_software(const Session& session, const Json& status) {
  const Json& items = list_of(status, "metadata");
  if (items.empty()) return row("software", "no signed metadata in force   (attestctl metadata import)");
  std::size_t shown = 0;
  for (const Json& item : items) {
    if (shown++ == 6 && !session.verbose) {
      row("", std::to_string(items.size() - 6) + " more (attestctl metadata list)");
      break;
    }
    row(shown == 1 ? "software" : "", text_of(item, "type") + " " + text_of(item, "name") + " " +
                                          text_of(item, "version").substr(0, 10) + ", signed by \"" +
                                          text_of(item, "signer") + "\", valid " +
                                          std::to_string(days_left(item)) + " days");
  }
}

// milliseconds writes microseconds as "0.6 ms" or "12 ms".
std::string milliseconds(std::int64_t us) {
  if (us >= 10000) return std::to_string((us + 500) / 1000) + " ms";
  return std::to_string(us / 1000) + "." + std::to_string(us % 1000 / 100) + " ms";
}

void show_daemon(const Json& status) {
  const Json& tpm = field(status, "tpm");
  std::string text =
      "cmcd-lite " + text_of(status, "version") + " up " + duration(number_of(status, "uptime_s"));
  auto quotes = static_cast<std::uint64_t>(number_of(tpm, "quotes"));
  auto handshakes = static_cast<std::uint64_t>(number_of(tpm, "handshakes"));
  text += " · " + thousands(quotes) + " quotes for " + thousands(handshakes) + " handshakes";
  if (number_of(tpm, "p50_us") > 0)
    text += " · TPM " + milliseconds(number_of(tpm, "p50_us")) + " p50, " +
            milliseconds(number_of(tpm, "p99_us")) + " p99";
  if (std::int64_t by_key = number_of(tpm, "answered_by_key"); by_key > 0)
    text += " · " + thousands(static_cast<std::uint64_t>(by_key)) + " answered without a quote";
  text += " · queue " + std::to_string(number_of(status, "queue"));
  row("daemon", text);
}

// show_epochs says which Epoch IDs were seen and how old they are; "quoted" are those of a source in cmcd.json.
void show_epochs(const Session& session, const Json& status) {
  for (const Json& epoch : list_of(status, "epochs"))
    row("epoch", "distributor " + short_or_whole(text_of(epoch, "distributor"), session.verbose) + " number " +
                     std::to_string(number_of(epoch, "sequence")) + ", " + duration(number_of(epoch, "age_s")) + " old" +
                     (flag_of(epoch, "source") ? ", quoted here" : ", seen in evidence"));
}

// minute writes "2026-11-22T22:54:01Z" as "2026-11-22 22:54 UTC".
std::string minute(const std::string& moment) {
  return moment.size() < 16 ? moment : moment.substr(0, 10) + " " + moment.substr(11, 5) + " UTC";
}

std::string fleet_text(const Json& entry) {
  std::string key = text_of(entry, "key"), until = text_of(entry, "not_after"), tried = text_of(entry, "tried"), next = text_of(entry, "next");
  std::string text = key == "ak" ? "attestation key" : "TLS key " + key;
  if (!text_of(entry, "subject").empty()) text += " · " + text_of(entry, "subject");
  text += until.empty() ? " · not certified" : " · certified until " + until.substr(0, 10);
  if (!text_of(entry, "problem").empty()) return text + " · " + text_of(entry, "server") + " did not certify it at " + minute(tried) + (next.empty() ? "" : ", tried again at " + minute(next));
  if (!tried.empty()) text += " · certified by " + text_of(entry, "server") + " at " + minute(tried);
  if (flag_of(entry, "automatic") && !text_of(entry, "renewal").empty()) text += " · renewed from " + text_of(entry, "renewal").substr(0, 10);
  return text;
}

// show_fleet: certificates that a fleet's servers issue, the failed ones in any case; why is among the warnings.
void show_fleet(const Session& session, const Json& status) {
  constexpr std::size_t kShown = 6;
  std::size_t shown = 0, left = 0;
  for (const Json& entry : list_of(status, "fleet")) {
    bool failed = !text_of(entry, "problem").empty();
    if (shown >= kShown && !failed && !session.verbose) {
      left++;
      continue;
    }
    row(shown++ == 0 ? "fleet" : "", fleet_text(entry), failed ? Tone::bad : Tone::bold);
  }
  if (left > 0) row("", std::to_string(left) + " more certificates (attestctl status --verbose)");
}

// show_revocation: servers of revocation answers, and how old the answer is that reports carry; what it says is among the warnings.
void show_revocation(const Json& status) {
  std::size_t shown = 0;
  for (const Json& entry : list_of(status, "revocation")) {
    std::string produced = text_of(entry, "produced"), next = text_of(entry, "next");
    bool failed = !text_of(entry, "problem").empty(), bad = failed || !list_of(entry, "concerns").empty();
    std::string text = text_of(entry, "server") + (produced.empty() ? " · no answer" : " · answer of " + minute(produced));
    if (!failed && bad) text += " · not good for all manifests";
    if (failed) text += " · failed at " + minute(text_of(entry, "tried"));
    if (!next.empty()) text += (failed ? ", tried again at " : " · asked again at ") + minute(next);
    row(shown++ == 0 ? "omsp" : "", text, bad ? Tone::bad : Tone::bold);
  }
}

void show_policies(const Session& session, const Json& status) {
  for (const Json& policy : list_of(status, "policies"))
    row("policy", text_of(policy, "name") + "   " + short_or_whole(text_of(policy, "hash"), session.verbose) +
                      (flag_of(policy, "observe") ? "   observe: refuses nothing" : ""));
}

// show_texts prints a list of texts under one label.
void show_texts(const Json& list, const char* label, Tone tone) {
  for (const Json& text : list)
    if (text.is_string()) row(label, text.get<std::string>(), tone);
}

Result<Exit> run(const Session& session) {
  TRY(Json status, ask(session, {{"op", "status"}}, "waiting for the daemon"));
  const Json& problems = list_of(status, "problems");
  const Json& warnings = list_of(status, "warnings");
  bool warned = !problems.empty() || !warnings.empty();
  if (session.json) {
    print_json(status);
    return settle(session, warned);
  }
  show_machine(session, field(status, "tpm"));
  show_software(session, status);
  show_daemon(status);
  show_epochs(session, status);
  show_fleet(session, status);
  show_revocation(status);
  show_policies(session, status);
  show_texts(problems, "problem", Tone::bad);
  show_texts(warnings, "warning", Tone::warn);
  return settle(session, warned);
}

}  // namespace

void add_status(CLI::App& app, Session& session) {
  command(app, session, "status", "say what this machine is and how its daemon does",
          [](Session& s) { return run(s); });
}

}  // namespace attest::ctl
