// tcb_json.h: what TCB info and enclave identities have in common as JSON.
#pragma once
#include "evidence/core/hex.h"
#include "evidence/dcap/tcb.h"
#include "evidence/json/reader.h"

namespace attest::tcb_json {

// Members notes which members of an object came; a name of the list is looked for with wants().
class Members {
 public:
  void saw(std::string_view name) { names_.push_back(std::string(name)); }
  bool has(std::string_view name) const { return std::ranges::find(names_, name) != names_.end(); }
  // demand spoils the reader if one of names is absent.
  void demand(JsonReader& json, std::initializer_list<std::string_view> names) const {
    for (std::string_view name : names)
      if (!has(name)) json.fail("\"" + std::string(name) + "\" is missing");
  }

 private:
  std::vector<std::string> names_;
};

// hex_block reads exactly N bytes of hex.
template <std::size_t N>
std::array<std::uint8_t, N> hex_block(JsonReader& json) {
  std::array<std::uint8_t, N> out{};
  auto bytes = from_hex(json.text(), N);
  if (!bytes || bytes->size() != N)
    json.fail("must be " + std::to_string(2 * N) + " hex digits");
  else
    std::ranges::copy(*bytes, out.begin());
  return out;
}

inline std::uint32_t number(JsonReader& json, std::uint32_t max) {
  return static_cast<std::uint32_t>(json.integer(0, max));
}
UnixTime date(JsonReader& json);
TcbStatus status(JsonReader& json);
std::vector<std::string> advisories(JsonReader& json);
// isv_levels reads the "tcbLevels" of an identity: {"tcb": {"isvsvn": n}, "tcbDate", "tcbStatus",
// "advisoryIDs"?}.
std::vector<IsvLevel> isv_levels(JsonReader& json);

// Envelope is {NAME: value, "signature": hex}: the bytes of the value and the signature.
struct Envelope {
  std::string_view name, value;
  std::array<std::uint8_t, 64> signature{};
};
// open finds the value under one of names; malformed if there is none or the signature is missing.
Result<Envelope> open(std::string_view json, std::initializer_list<std::string_view> names);
Result<std::array<std::uint8_t, 64>> signature_of(std::string_view hex);

}  // namespace attest::tcb_json
