// reference_digests.h: the reference values of one register of a TPM, found by their digest. Private to verifier/cmc.
#pragma once
#include "evidence/cmc/component.h"

namespace attest::cmc {

// ReferenceDigests are the reference values of one register: each may be met as often as it stands there. Filled, then
// sorted once. It borrows the components.
class ReferenceDigests {
 public:
  void expect(std::size_t more);  // are going to be added in a row
  void add(const Component& component, HashAlg alg);
  // sort puts twins, the references of one digest, beside each other in the order they came in.
  void sort();
  // take is a reference with this digest, nullptr if there is none left. What is measured again and again (files) may
  // meet the same reference again.
  const Component* take(View digest, bool again);
  bool was_met(View digest) const;
  // all_met: every reference has a digest that was met.
  bool all_met() const { return unmet_ == 0 && rows_.size() == all_.size(); }
  const std::vector<const Component*>& all() const { return all_; }

 private:
  struct Row {
    std::uint64_t key = 0;  // the first bytes of the digest
    const std::uint8_t* digest = nullptr;
    const Component* component = nullptr;
    std::uint32_t size = 0;  // of the digest
    std::uint32_t met = 0;   // of the first of twins: how many of them were met
    View view() const { return {digest, size}; }
  };
  static bool same(const Row& a, const Row& b) { return a.key == b.key && equal(a.view(), b.view()); }
  // find is the first row with this digest, the number of rows if there is none.
  std::size_t find(View digest) const;
  std::vector<Row> rows_;
  std::vector<std::uint32_t> begins_;  // by the first bits of the key: where its rows begin
  unsigned shift_ = 0;
  std::size_t unmet_ = 0;  // digests that were not met yet
  std::vector<const Component*> all_;
};

}  // namespace attest::cmc
