// attestctl top: what the daemon does now, every few seconds.
#include <unistd.h>

#include <cstdio>
#include <thread>

#include "apps/attestctl/commands.h"
#include "apps/attestctl/field.h"
#include "apps/attestctl/style.h"

namespace attest::ctl {
namespace {

struct Options {
  unsigned seconds = 2;
  unsigned times = 0;  // 0: until it is ended
};

// rate of a counter between two answers, one decimal.
std::string rate(std::int64_t before, std::int64_t now, unsigned seconds) {
  std::int64_t tenths = (now - before) * 10 / static_cast<std::int64_t>(seconds);
  return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10);
}

std::string milliseconds(std::int64_t us) {
  return std::to_string(us / 1000) + "." + std::to_string(us % 1000 / 100) + " ms";
}

void show_load(const Json& before, const Json& now, unsigned seconds) {
  const Json &old_tpm = field(before, "tpm"), &tpm = field(now, "tpm");
  std::int64_t quotes = number_of(tpm, "quotes") - number_of(old_tpm, "quotes");
  std::int64_t handshakes = number_of(tpm, "handshakes") - number_of(old_tpm, "handshakes");
  row("attests",
      rate(0, handshakes, seconds) + " handshakes/s · " + rate(0, quotes, seconds) + " quotes/s · " +
          (quotes > 0 ? rate(0, handshakes, static_cast<unsigned>(quotes)) : "0.0") + " handshakes a quote");
  row("TPM", text_of(tpm, "state") + " · " + milliseconds(number_of(tpm, "p50_us")) + " p50, " +
                 milliseconds(number_of(tpm, "p99_us")) + " p99 · queue " +
                 std::to_string(number_of(now, "queue")) + " · " +
                 std::to_string(number_of(now, "connections")) + " connections");
}

void show_verdicts(const Json& before, const Json& now, unsigned seconds) {
  const Json &old_verdicts = field(before, "verdicts"), &verdicts = field(now, "verdicts");
  std::string text;
  for (const char* outcome : {"accepted", "refused", "observed"})
    text += (text.empty() ? "" : " · ") +
            rate(number_of(old_verdicts, outcome), number_of(verdicts, outcome), seconds) + " " + outcome +
            "/s";
  row("judges", text);
  const Json& names = field(verdicts, "untrusted_by");
  const char* label = "refusals";
  for (const auto& [name, count] : names.items()) {
    if (!count.is_number_integer()) continue;
    row(label, thousands(count.get<std::uint64_t>()) + "  " + name);
    label = "";
  }
}

Result<Exit> run(const Session& session, const Options& options) {
  TRY(Json before, ask(session, {{"op", "status"}}, "waiting for the daemon"));
  for (unsigned i = 0; options.times == 0 || i < options.times; i++) {
    std::this_thread::sleep_for(std::chrono::seconds(options.seconds));
    TRY(Json now, ask(session, {{"op", "status"}}, "waiting for the daemon"));
    if (session.json) {
      print_json(now);
    } else {
      if (isatty(STDOUT_FILENO)) std::printf("\x1b[H\x1b[2J");
      row("daemon", "cmcd-lite " + text_of(now, "version") + " up " + duration(number_of(now, "uptime_s")));
      show_load(before, now, options.seconds);
      show_verdicts(before, now, options.seconds);
    }
    std::fflush(stdout);
    before = std::move(now);
  }
  return Exit::accepted;
}

}  // namespace

void add_top(CLI::App& app_, Session& session) {
  auto options = std::make_shared<Options>();
  CLI::App* app = command(app_, session, "top", "show what the daemon does now, again and again",
                          [options](Session& s) { return run(s, *options); });
  app->add_option("-d,--delay", options->seconds, "seconds between two looks")
      ->capture_default_str()
      ->check(CLI::Range(1, 3600));
  app->add_option("-n,--times", options->times, "how many looks (default: until it is ended)");
}

}  // namespace attest::ctl
