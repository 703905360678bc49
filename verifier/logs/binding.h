// binding.h: whether an event's data is what its digests were made of.
#pragma once
#include "evidence/logs/bank_replay.h"

namespace attest {

// Binding says what is known of an event's data.
//   bound      every bank's digest is the hash of the data, by one of the rules for its type
//   free       the type promises nothing, and no rule matches: the data is a hint
//   broken     the type promises a hash of the data and no bank has it (some firmware does so)
//   contrary   one bank has the hash and another has not: no firmware does so
enum class Binding : std::uint8_t { bound, free, broken, contrary };

// digest_candidates are the parts of an event's data whose hash its digest may be, by the rules for its type; none for types
// without rules. They lend from the event.
std::vector<View> digest_candidates(const TcgEvent& event);

// DataRules judge events with one fetched hash a bank. Not thread safe.
class DataRules {
 public:
  // make: banks of the log that cannot be computed are left out; unsupported if none can.
  static Result<DataRules> make(const TcgEventLog& log);
  Binding judge(const TcgEvent& event);
  // ends_firmware: what was extended is the hash of a separator, whatever type the record claims. Types are not
  // measured: whoever relabels a separator must not make later events look like the firmware's.
  bool ends_firmware(const TcgEvent& event) const;

 private:
  struct Bank {
    std::uint16_t alg;
    BankReplay hash;
    std::array<Digest, 3> separators;  // of 0, 0xffffffff and the error's 1
  };
  explicit DataRules(std::vector<Bank> banks) : banks_(std::move(banks)) {}
  // matches moves the candidate that it is to the front: in the next bank it is the first to be tried.
  static bool matches(BankReplay& bank, View digest, std::vector<View>& candidates);
  std::vector<Bank> banks_;
};

}  // namespace attest
