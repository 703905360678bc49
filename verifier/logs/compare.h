// compare.h: two logs side by side: where they part, and what follows from it.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "evidence/core/bytes.h"

namespace attest {

// LoggedEvent is one extend of either log, in log order.
struct LoggedEvent {
  std::size_t record = 0;
  std::uint32_t reg = 0;
  Bytes digest;       // in the bank both logs have
  std::string words;  // what it is, for people
};

// LogDifference is where one register's events part.
struct LogDifference {
  enum class Kind : std::uint8_t { changed, only_first, only_second };
  Kind kind = Kind::changed;
  std::uint32_t reg = 0;
  std::optional<LoggedEvent> first, second;
  std::size_t equal_before = 0;  // events of this register that are the same
};

struct LogComparison {
  std::vector<LogDifference> differences;  // one a register, the earliest in either log first
  std::vector<std::uint32_t> same;         // registers with the same events in the same order
  bool continued = false;                  // one log is the other with more events behind: a log that grew
};

// compare_logs: register by register, since the order between registers is not measured.
LogComparison compare_logs(const std::vector<LoggedEvent>& first, const std::vector<LoggedEvent>& second);

// register_meaning says what a PCR stands for, and so what changes with it.
std::string_view register_meaning(std::uint32_t pcr);

}  // namespace attest
