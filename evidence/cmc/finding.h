// finding.h: one judgement in CMC's results.
#pragma once
#include "evidence/cmc/codec.h"
#include "evidence/cmc/error_codes.h"

namespace attest::cmc {

enum class State : std::uint8_t { success, warn, fail };
const char* state_name(State state);  // "success"

// Finding is one judgement. It gets worse only: fail stays fail.
struct Finding {
  State state = State::success;
  std::string got, expected;
  std::vector<std::string> expected_one_of, expected_between;
  std::vector<int> codes;
  std::string details;
  bool good() const { return state != State::fail; }
  void fail(std::string why = {}) { note(State::fail, std::move(why)); }
  void fail(Code code, std::string why = {});
  void warn(std::string why) { note(State::warn, std::move(why)); }
  void warn(Code code, std::string why = {});
  // compare fails and keeps both texts where they differ.
  void compare(std::string measured, std::string due);

 private:
  void note(State worse, std::string why);
};

void write_finding(Sink& out, const Finding& finding);
// write_finding_as writes a finding as a member.
void write_finding_as(Sink& out, const Field& field, const Finding& finding);

}  // namespace attest::cmc
