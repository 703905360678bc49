#include "verifier/cmc/reference_digests.h"

#include <algorithm>
#include <bit>

namespace attest::cmc {
namespace {

// key_of is the digest's beginning as a number: numbers are in the order of the digests.
std::uint64_t key_of(View digest) {
  std::uint64_t key = 0;
  std::memcpy(&key, digest.data(), std::min(sizeof key, digest.size()));
  return std::endian::native == std::endian::little ? __builtin_bswap64(key) : key;
}

}  // namespace

void ReferenceDigests::expect(std::size_t more) {
  if (more <= all_.size()) return;  // many short rows must not have it moved for each
  rows_.reserve(rows_.size() + more);
  all_.reserve(all_.size() + more);
}

void ReferenceDigests::add(const Component& component, HashAlg alg) {
  if (const Bytes* hash = component.hash(alg)) rows_.push_back({key_of(*hash), hash->data(), &component, static_cast<std::uint32_t>(hash->size()), 0});
  all_.push_back(&component);
}

// sort deals the rows out by the first bits of their keys, about one row for each beginning, and sorts what begins alike.
void ReferenceDigests::sort() {
  unsigned bits = static_cast<unsigned>(std::bit_width(rows_.size()));
  shift_ = 64 - bits;
  begins_.assign((std::size_t{1} << bits) + 1, 0);
  if (bits == 0) return;
  for (const Row& row : rows_) begins_[(row.key >> shift_) + 1]++;
  for (std::size_t i = 1; i < begins_.size(); i++) begins_[i] += begins_[i - 1];
  std::vector<Row> dealt(rows_.size());
  std::vector<std::uint32_t> next = begins_;
  for (const Row& row : rows_) dealt[next[row.key >> shift_]++] = row;
  rows_ = std::move(dealt);
  auto before = [](const Row& a, const Row& b) { return a.key != b.key ? a.key < b.key : std::ranges::lexicographical_compare(a.view(), b.view()); };
  for (std::size_t i = 1; i < begins_.size(); i++)
    if (begins_[i] - begins_[i - 1] > 1) std::stable_sort(rows_.begin() + begins_[i - 1], rows_.begin() + begins_[i], before);
  for (std::size_t i = 0; i < rows_.size(); i++) unmet_ += i > 0 && same(rows_[i - 1], rows_[i]) ? 0 : 1;
}

std::size_t ReferenceDigests::find(View digest) const {
  if (rows_.empty()) return 0;
  std::uint64_t key = key_of(digest);
  auto at = rows_.begin() + begins_[key >> shift_], end = rows_.begin() + begins_[(key >> shift_) + 1];
  auto before = [&](const Row& row, View wanted) {
    return row.key != key ? row.key < key : std::ranges::lexicographical_compare(row.view(), wanted);
  };
  at = std::lower_bound(at, end, digest, before);  // digests that begin alike on purpose cost no more than this
  return at == end || !equal(at->view(), digest) ? rows_.size() : static_cast<std::size_t>(at - rows_.begin());
}

const Component* ReferenceDigests::take(View digest, bool again) {
  std::size_t first = find(digest);
  if (first == rows_.size()) return nullptr;
  std::uint32_t& met = rows_[first].met;
  if (met == 0) unmet_--;
  std::size_t next = first + met;
  if (next < rows_.size() && equal(rows_[next].view(), digest)) {
    met++;
    return rows_[next].component;
  }
  return again ? rows_[next - 1].component : nullptr;
}

bool ReferenceDigests::was_met(View digest) const {
  std::size_t first = find(digest);
  return first != rows_.size() && rows_[first].met > 0;
}

}  // namespace attest::cmc
