// ima.h: a list of measured files judged by itself.
#pragma once
#include <map>
#include <unordered_map>

#include "evidence/core/time.h"
#include "verifier/logs/checks.h"
#include "verifier/logs/event_log.h"
#include "verifier/logs/ima_keys.h"

namespace attest {

// ImaRules is what a policy demands. A file of `files` must have one of its digests; where the policy is in an
// update window the digests of `old_files` are good as well, until `old_until`.
struct ImaRules {
  std::unordered_map<std::string, std::vector<Bytes>> files, old_files;
  std::optional<UnixTime> old_until;
  std::vector<std::string> exclude;  // patterns with * and ?; files that are not judged
  bool no_violations = false;
  bool signatures = false;  // every file of the list has a good signature
};

struct ImaOptions {
  ImaRules rules;
  UnixTime at = 0;
  PcrValues pcrs;                  // PCR 10 and, for the boot aggregate, PCR 0 to 9
  std::vector<BankValues> firmware;  // replay of the firmware's log, for the boot aggregate
  std::vector<ImaKey> keys;
  std::size_t max_reported = 100;  // checks of one id; all are counted
};

// ImaJudgement: the three forms of PCR values: sha1, recomputed in a bank, and SHA-1 padded with zeros.
struct ImaJudgement {
  std::size_t violations = 0;
  std::map<std::string, std::size_t, std::less<>> templates;
  std::vector<std::size_t> wrong_hashes;  // entries whose template hash is not that of their data
  struct Replayed {
    HashAlg bank = HashAlg::sha1;
    bool padded = false;
    std::map<std::uint32_t, Digest> values;
  };
  std::vector<Replayed> replayed;
  Bytes boot_aggregate;                         // empty without
  std::vector<std::string> boot_aggregate_rules;  // "sha256_pcr0-9": what it is the hash of
  std::size_t signed_entries = 0, good_signatures = 0;
  Findings checks;
};

// judge_ima goes through the list once. hash_size is that of the template hashes. io if hashing fails.
Result<ImaJudgement> judge_ima(const ImaList& list, std::size_t hash_size, const ImaOptions& options);

// matches_pattern: * stands for any text, ? for one character; in time proportional to the product of both.
bool matches_pattern(std::string_view pattern, std::string_view text);

}  // namespace attest
