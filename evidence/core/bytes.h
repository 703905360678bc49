// bytes.h: the only way untrusted bytes are read and messages are written.
#pragma once
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "evidence/core/result.h"

namespace attest {

using Bytes = std::vector<std::uint8_t>;
using View = std::span<const std::uint8_t>;

// as_view lends the bytes of a text.
inline View as_view(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
// as_text lends a view as text; no encoding is checked.
inline std::string_view as_text(View bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
inline Bytes to_bytes(View bytes) { return {bytes.begin(), bytes.end()}; }
inline bool equal(View a, View b) { return std::ranges::equal(a, b); }

// Reader walks untrusted bytes. After the first short read it yields zeros and empty views for ever; nothing
// may leave a parser before done() says so. It lends views into the input and allocates nothing.
class Reader {
 public:
  explicit Reader(View in) : in_(in) {}
  std::uint8_t u8() { return static_cast<std::uint8_t>(be(1)); }
  std::uint16_t u16be() { return static_cast<std::uint16_t>(be(2)); }
  std::uint32_t u32be() { return static_cast<std::uint32_t>(be(4)); }
  std::uint64_t u64be() { return be(8); }
  std::uint16_t u16le() { return static_cast<std::uint16_t>(le(2)); }
  std::uint32_t u32le() { return static_cast<std::uint32_t>(le(4)); }
  std::uint64_t u64le() { return le(8); }
  View take(std::size_t n) {
    if (bad_ || n > in_.size()) {
      bad_ = true;
      return {};
    }
    View v = in_.first(n);
    in_ = in_.subspan(n);
    return v;
  }
  View rest() { return take(in_.size()); }
  template <std::size_t N>
  std::array<std::uint8_t, N> array() {
    std::array<std::uint8_t, N> a{};
    View v = take(N);
    std::copy(v.begin(), v.end(), a.begin());
    return a;
  }
  void zeros(std::size_t n) {
    for (auto b : take(n)) bad_ = bad_ || b != 0;
  }
  // take16be / take32be / take32le: a length field and that many bytes, at most max of them.
  View take16be(std::size_t max = 0xffff) { return bounded(u16be(), max); }
  View take32be(std::size_t max) { return bounded(u32be(), max); }
  View take32le(std::size_t max) { return bounded(u32le(), max); }
  // count*: an element count; more than max spoils the reader and yields 0.
  std::uint32_t count32le(std::uint32_t max) { return limit(u32le(), max); }
  std::uint32_t count32be(std::uint32_t max) { return limit(u32be(), max); }
  std::uint32_t count16be(std::uint32_t max) { return limit(u16be(), max); }
  void fail() { bad_ = true; }
  bool more() const { return !bad_ && !in_.empty(); }
  bool good() const { return !bad_; }
  std::size_t left() const { return in_.size(); }
  // done: all of it was well formed and nothing is left over.
  Status done(std::string_view what) const {
    if (bad_) return Error{Errc::malformed, std::string(what) + ": truncated or out of bounds"};
    if (!in_.empty())
      return Error{Errc::malformed, std::string(what) + ": " + std::to_string(in_.size()) + " trailing bytes"};
    return ok();
  }

 private:
  View bounded(std::size_t n, std::size_t max) {
    if (n > max) bad_ = true;
    return take(n);
  }
  std::uint32_t limit(std::uint32_t n, std::uint32_t max) {
    if (n <= max) return n;
    bad_ = true;
    return 0;
  }
  std::uint64_t be(std::size_t n) {
    std::uint64_t x = 0;
    for (auto b : take(n)) x = x << 8 | b;
    return x;
  }
  std::uint64_t le(std::size_t n) {
    std::uint64_t x = 0;
    unsigned shift = 0;
    for (auto b : take(n)) {
      x |= std::uint64_t{b} << shift;
      shift += 8;
    }
    return x;
  }
  View in_;
  bool bad_ = false;
};

// Writer builds a message. A length that does not fit its field spoils it; finish() then says so.
class Writer {
 public:
  void u8(std::uint8_t v) { out_.push_back(v); }
  void u16be(std::uint16_t v) { be(v, 2); }
  void u32be(std::uint32_t v) { be(v, 4); }
  void u64be(std::uint64_t v) { be(v, 8); }
  void u16le(std::uint16_t v) { le(v, 2); }
  void u32le(std::uint32_t v) { le(v, 4); }
  void u64le(std::uint64_t v) { le(v, 8); }
  void put(View v) { out_.insert(out_.end(), v.begin(), v.end()); }
  // lv16 / lv32: a big-endian length and the bytes.
  void lv16(View v) {
    if (v.size() > 0xffff) bad_ = true;
    u16be(static_cast<std::uint16_t>(v.size()));
    put(v);
  }
  void lv32(View v) {
    if (v.size() > 0xffffffffU) bad_ = true;
    u32be(static_cast<std::uint32_t>(v.size()));
    put(v);
  }
  // with_len16 writes what body writes behind its 16-bit length.
  template <class F>
  void with_len16(F&& body) {
    std::size_t at = out_.size();
    be(0, 2);
    body(*this);
    std::size_t n = out_.size() - at - 2;
    if (n > 0xffff) {
      bad_ = true;
      return;
    }
    out_[at] = static_cast<std::uint8_t>(n >> 8);
    out_[at + 1] = static_cast<std::uint8_t>(n);
  }
  std::size_t size() const { return out_.size(); }
  Result<Bytes> finish(std::string_view what) && {
    if (bad_) return Error{Errc::malformed, std::string(what) + ": length overflow"};
    return std::move(out_);
  }

 private:
  void be(std::uint64_t v, unsigned n) {
    while (n-- > 0) out_.push_back(static_cast<std::uint8_t>(v >> (8 * n)));
  }
  void le(std::uint64_t v, unsigned n) {
    for (unsigned i = 0; i < n; i++) out_.push_back(static_cast<std::uint8_t>(v >> (8 * i)));
  }
  Bytes out_;
  bool bad_ = false;
};

}  // namespace attest
