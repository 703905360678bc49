// finding.h: what judging a single artefact found, check by check (attestctl appraise).
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "evidence/core/result.h"
#include "evidence/core/verdict.h"

namespace attest {

// Finding is one named test of an artefact. Ids are stable: "tdx.quote-signature".
struct Finding {
  std::string id;
  Outcome outcome = Outcome::fail;
  std::string expected, measured;  // may be empty
  std::string why;                 // one sentence, empty on pass
};

// Findings collects checks. Empty means untrusted; one failed check means untrusted.
struct Findings {
  std::vector<Finding> checks;

  void pass(std::string_view id, std::string measured = {}) {
    checks.push_back({std::string(id), Outcome::pass, {}, std::move(measured), {}});
  }
  void warn(std::string_view id, std::string why, std::string expected = {}, std::string measured = {}) {
    checks.push_back(
        {std::string(id), Outcome::warn, std::move(expected), std::move(measured), std::move(why)});
  }
  void fail(std::string_view id, std::string why, std::string expected = {}, std::string measured = {}) {
    checks.push_back(
        {std::string(id), Outcome::fail, std::move(expected), std::move(measured), std::move(why)});
  }
  // settle passes or fails a check by what another function said; true if it passed.
  bool settle(std::string_view id, const Status& status) {
    status ? pass(id) : fail(id, status.error().what);
    return static_cast<bool>(status);
  }
  // compare passes if the two texts are equal and fails with both otherwise; true if it passed.
  bool compare(std::string_view id, std::string expected, std::string measured, std::string why) {
    bool same = expected == measured;
    same ? pass(id, std::move(measured)) : fail(id, std::move(why), std::move(expected), std::move(measured));
    return same;
  }
  bool trusted() const {
    bool passed = false;
    for (const Finding& check : checks) {
      if (check.outcome == Outcome::fail) return false;
      passed = passed || check.outcome == Outcome::pass;
    }
    return passed;
  }
};

}  // namespace attest
