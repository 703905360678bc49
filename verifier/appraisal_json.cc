#include "verifier/appraisal_json.h"

#include "evidence/core/hex.h"
#include "evidence/json/writer.h"
#include "verifier/freshness.h"

namespace attest {
namespace {

constexpr const char* kOutcomes[] = {"pass", "warn", "fail"};
constexpr std::int64_t kMaxNumber = INT64_MAX;

const char* outcome_text(Outcome outcome) { return kOutcomes[static_cast<std::size_t>(outcome)]; }

void write_text(JsonWriter& out, std::string_view key, const std::string& value) {
  if (!value.empty()) out.field(key, value);
}

void write_check(JsonWriter& out, const Check& check) {
  out.object().field("id", check.id).field("outcome", outcome_text(check.outcome));
  write_text(out, "why", check.why);
  write_text(out, "remedy", check.remedy);
  out.end_object();
}

void write_mismatch(JsonWriter& out, const Mismatch& m) {
  out.object().field("check", m.check).field("anchor", m.anchor).field("reg", m.reg).field("event", m.event);
  write_text(out, "type", m.event_type);
  write_text(out, "measured_name", m.measured_name);
  write_text(out, "measured", m.measured_digest);
  write_text(out, "expected_name", m.expected_name);
  write_text(out, "expected", m.expected_digest);
  if (!m.manifest.empty())
    out.field("manifest", m.manifest).field("manifest_version", m.manifest_version).field("entry", m.entry);
  out.end_object();
}

std::uint64_t number(JsonReader& json, std::int64_t max = kMaxNumber) {
  return static_cast<std::uint64_t>(json.integer(0, max));
}

Outcome read_outcome(JsonReader& json) {
  std::string_view text = json.text();
  for (std::size_t i = 0; i < std::size(kOutcomes); i++)
    if (text == kOutcomes[i]) return static_cast<Outcome>(i);
  json.fail("outcome is neither pass, warn nor fail");
  return Outcome::fail;
}

void read_check(JsonReader& json, Verdict& verdict) {
  Check check;
  json.object([&](std::string_view key) {
    if (key == "id") check.id = json.text();
    else if (key == "outcome") check.outcome = read_outcome(json);
    else if (key == "why") check.why = json.text();
    else if (key == "remedy") check.remedy = json.text();
    else json.skip();
  });
  if (check.outcome == Outcome::pass) verdict.pass(check.id);
  if (check.outcome == Outcome::warn) verdict.warn(check.id, std::move(check.why), std::move(check.remedy));
  if (check.outcome == Outcome::fail) verdict.fail(check.id, std::move(check.why), std::move(check.remedy));
}

bool read_source(JsonReader& json, std::string_view key, Mismatch& m) {
  if (key == "manifest") m.manifest = json.text();
  else if (key == "manifest_version") m.manifest_version = json.text();
  else if (key == "entry") m.entry = number(json);
  else return false;
  return true;
}

Mismatch read_mismatch(JsonReader& json) {
  Mismatch m;
  json.object([&](std::string_view key) {
    if (key == "check") m.check = json.text();
    else if (key == "anchor") m.anchor = json.text();
    else if (key == "reg") m.reg = static_cast<std::uint32_t>(number(json, UINT32_MAX));
    else if (key == "event") m.event = number(json);
    else if (key == "type") m.event_type = json.text();
    else if (key == "measured_name") m.measured_name = json.text();
    else if (key == "measured") m.measured_digest = json.text();
    else if (key == "expected_name") m.expected_name = json.text();
    else if (key == "expected") m.expected_digest = json.text();
    else if (!read_source(json, key, m)) json.skip();
  });
  return m;
}

AnchorIdentity read_anchor(JsonReader& json) {
  AnchorIdentity anchor;
  json.object([&](std::string_view key) {
    if (key == "kind") {
      std::string_view name = json.text();
      for (AnchorKind kind : {AnchorKind::sw, AnchorKind::tpm, AnchorKind::snp, AnchorKind::tdx, AnchorKind::sgx,
                              AnchorKind::azure})
        if (name == anchor_name(kind)) anchor.kind = kind;
    } else if (key == "id") {
      if (auto id = from_hex(json.text(), 128)) anchor.id = *std::move(id);
    } else {
      json.skip();
    }
  });
  return anchor;
}

}  // namespace

std::string appraisal_json(const Appraisal& a, std::size_t max_mismatches) {
  const std::vector<Mismatch>& mismatches = a.verdict.mismatches();
  std::size_t shown = std::min(mismatches.size(), max_mismatches);
  JsonWriter out;
  out.object().field("trusted", a.verdict.trusted());
  write_text(out, "peer", a.peer);
  write_text(out, "service", a.service);
  write_text(out, "image", a.image);
  if (!a.anchors.empty()) out.field("freshness", freshness_name(a.freshness)).field("age_s", a.age_s);
  out.key("anchors").array();
  for (const AnchorIdentity& anchor : a.anchors)
    out.object().field("kind", anchor_name(anchor.kind)).field("id", to_hex(anchor.id)).end_object();
  out.end_array().key("manifests").array();
  for (const std::string& manifest : a.manifests) out.text(manifest);
  out.end_array().field("events", a.events).key("checks").array();
  for (const Check& check : a.verdict.checks()) write_check(out, check);
  out.end_array().key("mismatches").array();
  for (std::size_t i = 0; i < shown; i++) write_mismatch(out, mismatches[i]);
  out.end_array().field("mismatches_omitted", a.mismatches_omitted + (mismatches.size() - shown)).end_object();
  return std::move(out).finish();
}

FreshnessMode read_freshness(JsonReader& json) {
  std::string_view name = json.text();
  for (FreshnessMode mode : {FreshnessMode::nonce, FreshnessMode::known_key, FreshnessMode::epoch_id})
    if (name == freshness_name(mode)) return mode;
  if (json.good()) json.fail("a freshness nobody knows");
  return FreshnessMode::nonce;
}

Appraisal read_appraisal(JsonReader& json) {
  Appraisal a;
  json.object([&](std::string_view key) {
    if (key == "peer") a.peer = json.text();
    else if (key == "service") a.service = json.text();
    else if (key == "image") a.image = json.text();
    else if (key == "freshness") a.freshness = read_freshness(json);
    else if (key == "age_s") a.age_s = json.integer(INT64_MIN, INT64_MAX);
    else if (key == "anchors") json.array([&] { a.anchors.push_back(read_anchor(json)); });
    else if (key == "manifests") json.array([&] { a.manifests.emplace_back(json.text()); });
    else if (key == "events") a.events = number(json);
    else if (key == "checks") json.array([&] { read_check(json, a.verdict); });
    else if (key == "mismatches") json.array([&] { a.verdict.mismatch(read_mismatch(json)); });
    else if (key == "mismatches_omitted") a.mismatches_omitted = number(json);
    else json.skip();
  });
  return a;
}

Result<Appraisal> parse_appraisal(std::string_view text) {
  JsonReader json(text);
  Appraisal a = read_appraisal(json);
  CHECK_OK(json.done("appraisal"));
  return a;
}

}  // namespace attest
