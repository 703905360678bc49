// verdict.h: what an appraisal found (the attestation result of RFC 9334).
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace attest {

enum class Outcome { pass, warn, fail };

// Check is one named test. The id is stable and has a page in docs/refusals/: "pcr.unexpected-event".
struct Check {
  std::string id;
  Outcome outcome = Outcome::fail;
  std::string why;     // one sentence with the value found and the value expected; empty on pass
  std::string remedy;  // what to do about it; may be empty
};

// Mismatch is one disagreement between the evidence and the reference values, in log order. Digests are lower-case
// hex and whole; empty where there is none.
struct Mismatch {
  std::string check;            // id of the Check it belongs to
  std::string anchor;           // "tpm", "snp", "tdx", "sgx", "sw"
  std::uint32_t reg = 0;        // PCR, RTMR or measurement register
  std::uint64_t event = 0;      // position in the measurement log
  std::string event_type;       // "EV_EFI_BOOT_SERVICES_APPLICATION", "IMA"; a hint, empty where unknown
  std::string measured_name;    // a hint: names are not covered by the digest
  std::string measured_digest;
  std::string expected_name;
  std::string expected_digest;
  std::string manifest;         // nearest reference value: manifest name, its version, entry number
  std::string manifest_version;
  std::uint64_t entry = 0;
};

// Verdict collects checks. Empty means untrusted; one failed check means untrusted.
class Verdict {
 public:
  void pass(std::string_view id) { checks_.push_back({std::string(id), Outcome::pass, {}, {}}); }
  void warn(std::string_view id, std::string why, std::string remedy = {}) {
    checks_.push_back({std::string(id), Outcome::warn, std::move(why), std::move(remedy)});
  }
  void fail(std::string_view id, std::string why, std::string remedy = {}) {
    checks_.push_back({std::string(id), Outcome::fail, std::move(why), std::move(remedy)});
  }
  // mismatch records a disagreement; the caller adds the failed Check it belongs to.
  void mismatch(Mismatch m) { mismatches_.push_back(std::move(m)); }
  bool trusted() const {
    bool passed = false;
    for (const Check& c : checks_) {
      if (c.outcome == Outcome::fail) return false;
      passed = passed || c.outcome == Outcome::pass;
    }
    return passed;
  }
  bool failed() const { return first_failure() != nullptr; }
  const Check* first_failure() const {
    for (const Check& c : checks_)
      if (c.outcome == Outcome::fail) return &c;
    return nullptr;
  }
  const std::vector<Check>& checks() const { return checks_; }
  const std::vector<Mismatch>& mismatches() const { return mismatches_; }

 private:
  std::vector<Check> checks_;
  std::vector<Mismatch> mismatches_;
};

}  // namespace attest
