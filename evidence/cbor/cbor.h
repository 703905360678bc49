// cbor.h: deterministic CBOR (RFC 8949, section 4.2.1), written and read without a document tree.
#pragma once
#include "evidence/core/bytes.h"

namespace attest::cbor {

enum class Type : std::uint8_t { uint, negative, bytes, text, array, map, boolean, null };

// head_size is the bytes of the shortest head with this value (RFC 8949, section 4.2.1): 1, 2, 3, 5 or 9.
std::size_t head_size(std::uint64_t value);

// Reader pulls one item after the other out of untrusted bytes with libcbor's streaming decoder. It refuses
// indefinite lengths, tags, floats, heads longer than needed, and keys of a map that do not ascend (uint keys). Like
// attest::Reader it fails once and for ever, lends views and allocates nothing.
class Reader {
 public:
  explicit Reader(View in) : in_(in) {}
  // uint reads an unsigned integer of at most max.
  std::uint64_t uint(std::uint64_t max = ~std::uint64_t{0});
  bool boolean();
  View bytes(std::size_t max, std::size_t min = 0);
  std::string_view text(std::size_t max);
  // array and map read a head with at most max elements (pairs); the elements follow.
  std::size_t array(std::size_t max);
  std::size_t map(std::size_t max);
  // key reads the next uint key of a map; keys must ascend within one map: pass the previous key or -1.
  std::int64_t key(std::int64_t previous);
  // peek names the type of the next item without moving; null at the end or after a failure.
  Type peek() const;
  // raw lends the bytes of the next item whole, nested at most 16 deep.
  View raw();
  void fail(std::string_view why);
  bool good() const { return why_.empty(); }
  bool more() const { return good() && !in_.empty(); }
  // done: well formed, nothing trailing. The error names `what` and the first reason.
  Status done(std::string_view what) const;

 private:
  struct Head;
  bool head(Head& out);
  bool skip(int depth);
  View in_;
  std::string why_;
};

// Writer writes shortest heads; the caller writes map keys in ascending order.
class Writer {
 public:
  void uint(std::uint64_t v) { head(0, v); }
  // negative: v is below 0.
  void negative(std::int64_t v) { head(1, static_cast<std::uint64_t>(-1 - v)); }
  void boolean(bool v) { out_.push_back(v ? 0xf5 : 0xf4); }
  void null() { out_.push_back(0xf6); }
  void bytes(View v) {
    head(2, v.size());
    put(v);
  }
  // bytes_head begins a byte string whose content the caller has elsewhere.
  void bytes_head(std::size_t n) { head(2, n); }
  void text(std::string_view v) {
    head(3, v.size());
    put(as_view(v));
  }
  void array(std::size_t n) { head(4, n); }
  void map(std::size_t n) { head(5, n); }
  // raw appends an item that is encoded already.
  void raw(View item) { put(item); }
  const Bytes& bytes_so_far() const { return out_; }
  // replace writes over what stands from at on; over_byte puts an item's head where one byte was left for it.
  void replace(std::size_t at, View with) { std::ranges::copy(with, out_.begin() + static_cast<std::ptrdiff_t>(at)); }
  void over_byte(std::size_t at, View head) {
    out_[at] = head[0];
    out_.insert(out_.begin() + static_cast<std::ptrdiff_t>(at) + 1, head.begin() + 1, head.end());
  }
  Bytes finish() && { return std::move(out_); }

 private:
  void put(View v) { out_.insert(out_.end(), v.begin(), v.end()); }
  void head(unsigned major, std::uint64_t v);
  Bytes out_;
};

}  // namespace attest::cbor
