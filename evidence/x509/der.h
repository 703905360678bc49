// der.h: the reader of DER (X.690), value by value, where OpenSSL has no type for a structure or is too strict.
#pragma once
#include <optional>

#include "evidence/core/bytes.h"
#include "evidence/core/time.h"

namespace attest {

// Tags that this room meets: universal ones, and context_tag(n) with or without the constructed bit.
namespace der_tag {
inline constexpr std::uint8_t kBoolean = 0x01, kInteger = 0x02, kBitString = 0x03, kOctetString = 0x04,
                              kNull = 0x05, kOid = 0x06, kEnumerated = 0x0a, kUtf8 = 0x0c, kPrintable = 0x13,
                              kIa5 = 0x16, kUtcTime = 0x17, kGeneralizedTime = 0x18, kSequence = 0x30,
                              kSet = 0x31;
constexpr std::uint8_t context(unsigned n, bool constructed) {
  return static_cast<std::uint8_t>((constructed ? 0xa0 : 0x80) | n);
}
}  // namespace der_tag

// DerValue lends one value; whole is the value with its tag and length.
struct DerValue {
  std::uint8_t tag = 0;
  View body, whole;
};

// DerReader walks the values of one level; inside is the level below. Like Reader it fails sticky and lends views:
// after the first bad tag or length it yields empty values for ever. Tags of one byte, definite lengths of at most
// four bytes in their shortest form. Sorting inside SETs is not demanded.
class DerReader {
 public:
  explicit DerReader(View in) : in_(in) {}
  // next reads whatever comes, the others a value that must have this tag; take is its content.
  DerValue next();
  DerValue value(std::uint8_t tag);
  View take(std::uint8_t tag) { return value(tag).body; }
  DerReader inside(std::uint8_t tag);
  // take_if is take where the tag may be another or the end may be reached: nullopt then.
  std::optional<View> take_if(std::uint8_t tag);
  // time reads UTCTime or GeneralizedTime, boolean TRUE or FALSE, small an INTEGER or ENUMERATED from 0 to max,
  // bits a BIT STRING of whole bytes.
  UnixTime time();
  bool boolean();
  std::uint32_t small(std::uint8_t tag, std::uint32_t max);
  View bits();
  bool at(std::uint8_t tag) const { return !bad_ && !in_.empty() && in_[0] == tag; }
  bool more() const { return !bad_ && !in_.empty(); }
  bool good() const { return !bad_; }
  void fail() { bad_ = true; }
  std::size_t left() const { return in_.size(); }
  Status done(std::string_view what) const;

 private:
  View in_;
  bool bad_ = false;
};

// der_prefix is the first value of bytes with its tag and length; empty if there is none of this tag.
View der_prefix(View bytes, std::uint8_t tag);

// oid_text writes the content of an OBJECT IDENTIFIER as "2.23.133.2.16"; empty if it is none.
std::string oid_text(View oid);
// der_time reads UTCTime or GeneralizedTime with seconds and Z; malformed otherwise.
Result<UnixTime> der_time(const DerValue& value);
// der_integer reads the content of an INTEGER from 0 to 2^63 - 1 in its shortest form; nullopt otherwise.
std::optional<std::int64_t> der_integer(View body);

}  // namespace attest
