#include "evidence/cmc/finding.h"

#include <algorithm>

namespace attest::cmc {
namespace {

constexpr Field kFinding[] = {{"status", Field::kTextKey}, {"got", 0},     {"expected", 1}, {"expectedOneOf", 2},
                              {"expectedBetween", 3},      {"errorCodes", 4}, {"details", 5}};

}  // namespace

const char* state_name(State state) {
  return state == State::success ? "success" : state == State::warn ? "warn" : "fail";
}

void Finding::note(State worse, std::string why) {
  if (worse > state) state = worse;
  if (why.empty()) return;
  details += (details.empty() ? "" : "; ") + why;
}

void Finding::fail(Code code, std::string why) {
  if (std::ranges::find(codes, code) == codes.end()) codes.push_back(code);
  note(State::fail, std::move(why));
}

void Finding::warn(Code code, std::string why) {
  if (std::ranges::find(codes, code) == codes.end()) codes.push_back(code);
  note(State::warn, std::move(why));
}

void Finding::compare(std::string measured, std::string due) {
  got = std::move(measured);
  if (got == due) return;
  expected = std::move(due);
  fail();
}

void write_finding(Sink& out, const Finding& finding) {
  out.object();
  out.key(kFinding[0]);
  out.text(state_name(finding.state));
  write_some(out, kFinding[1], finding.got);
  write_some(out, kFinding[2], finding.expected);
  write_texts(out, kFinding[3], finding.expected_one_of);
  write_texts(out, kFinding[4], finding.expected_between);
  write_list(out, kFinding[5], finding.codes, [&](int code) { out.integer(code); });
  write_some(out, kFinding[6], finding.details);
  out.end_object();
}

void write_finding_as(Sink& out, const Field& field, const Finding& finding) {
  out.key(field);
  write_finding(out, finding);
}

}  // namespace attest::cmc
