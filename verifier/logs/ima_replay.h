// ima_replay.h: the values of the IMA PCR in every form kernels know, in one pass.
#pragma once
#include <map>
#include <optional>

#include "evidence/logs/ima_list.h"

namespace attest {

// ImaReplay extends entry by entry. A kernel extends the template hash recomputed for each bank (5.8 and later),
// or SHA-1 padded with zeros; the bank of the list's own hashes gets them as stored. Not thread safe.
class ImaReplay {
 public:
  static constexpr std::size_t kPcrs = 24;
  struct Form {
    HashAlg bank = HashAlg::sha1;
    bool padded = false;
    std::array<Digest, kPcrs> values{};
    std::array<bool, kPcrs> touched{};
    std::map<std::uint32_t, Digest> expected;     // values to look out for
    std::map<std::uint32_t, std::size_t> reached;  // by PCR: how many entries lead to the expected value, the last such count
  };
  // make: stored is the hash of the list's template hashes.
  static Result<ImaReplay> make(HashAlg stored, const std::vector<HashAlg>& banks);
  void expect(HashAlg bank, std::uint32_t pcr, View value);
  // extend returns whether the stored hash is that of the data (violations have none to compare).
  Result<bool> extend(const ImaEntry& entry);
  const std::vector<Form>& forms() const { return forms_; }

 private:
  explicit ImaReplay(HashAlg stored) : stored_(stored) {}
  Hasher* hasher(HashAlg alg);
  void extend_form(Form& form, const ImaEntry& entry);
  HashAlg stored_;
  std::vector<Hasher> hashers_;
  std::vector<Digest> hashes_;  // of the entry at hand, by hasher
  std::vector<Form> forms_;
  std::size_t entries_ = 0;
};

}  // namespace attest
