#include "verifier/appraisal_json.h"
#include "verifier/checks.h"
#include "verifier/explain/explain.h"

namespace attest {
namespace {

constexpr UnixTime kWindow = 10 * 24 * 3600;  // how long a change is proposed for, seconds

void read_caller(JsonReader& json, Refusal& r) {
  json.object([&](std::string_view key) {
    if (key == "uid") r.uid = json.integer(-1, UINT32_MAX);
    else if (key == "service") r.caller = json.text();
    else json.skip();
  });
}

void read_role(JsonReader& json, Refusal& r) {
  std::string_view text = json.text();
  if (text != role_name(Role::server) && text != role_name(Role::client)) json.fail("role is neither server nor client");
  r.role = text == role_name(Role::client) ? Role::client : Role::server;
}

void read_when(JsonReader& json, Refusal& r) {
  auto when = parse_rfc3339(json.text());
  if (!when) return json.fail("when is not a time");
  r.when = *when;
}

bool changes_metadata(const Mismatch& m) {
  return m.check == check::kPcrUnexpected || m.check == check::kImaUnexpected || m.check == check::kPcrMissing ||
         m.check == check::kSwMeasurement;
}

// shell_word quotes a name for a shell, so that a line can be pasted whatever a manifest is called.
std::string shell_word(const std::string& text) {
  constexpr std::string_view kPlain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-+:@/";
  if (!text.empty() && text.find_first_not_of(kPlain) == std::string::npos) return text;
  std::string out = "'";
  for (char c : text) c == '\'' ? out.append("'\\''") : out.append(1, c);
  return out + "'";
}

}  // namespace

Result<Refusal> parse_refusal(std::string_view text) {
  JsonReader json(text);
  Refusal r;
  json.object([&](std::string_view key) {
    if (key == "id") r.id = static_cast<std::uint64_t>(json.integer(0, INT64_MAX));
    else if (key == "when") read_when(json, r);
    else if (key == "peer") r.peer = json.text();
    else if (key == "role") read_role(json, r);
    else if (key == "caller") read_caller(json, r);
    else if (key == "policy") r.policy = json.text();
    else if (key == "outcome") r.outcome = json.text();
    else if (key == "name") r.name = json.text();
    else if (key == "why") r.why = json.text();
    else if (key == "remedy") r.remedy = json.text();
    else if (key == "appraisal") r.appraisal = read_appraisal(json);
    else json.skip();
  });
  CHECK_OK(json.done("stored verdict"));
  return r;
}

std::string allow_command(const Refusal& r) {
  // Only where metadata is all that disagrees: no change of references makes a bad signature good.
  for (const Check& c : r.appraisal.verdict.checks()) {
    Mismatch as_if;
    as_if.check = c.id;
    if (c.outcome == Outcome::fail && !changes_metadata(as_if)) return {};
  }
  for (const Mismatch& m : r.appraisal.verdict.mismatches()) {
    if (!changes_metadata(m)) continue;
    std::string out = "attestctl metadata allow";
    if (!m.manifest.empty()) out += " --manifest " + shell_word(m.manifest);
    return out + " --from-refusal " + std::to_string(r.id) + " --until " + format_rfc3339(r.when + kWindow).substr(0, 10);
  }
  return {};
}

}  // namespace attest
