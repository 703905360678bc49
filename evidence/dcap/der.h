// der.h: DER as Intel's certificates and CRLs use it: definite, minimal lengths and one-byte tags, nothing
// else.
#pragma once
#include "evidence/core/bytes.h"
#include "evidence/core/time.h"

namespace attest {

namespace dcap_der {
inline constexpr std::uint8_t kBoolean = 0x01, kInteger = 0x02, kBitString = 0x03, kOctetString = 0x04,
                              kOid = 0x06, kEnumerated = 0x0a, kUtf8 = 0x0c, kPrintable = 0x13,
                              kUtcTime = 0x17, kGeneralizedTime = 0x18, kSequence = 0x30, kSet = 0x31;
// context_tag is [n] EXPLICIT or a constructed [n] IMPLICIT.
constexpr std::uint8_t context_tag(unsigned n) { return static_cast<std::uint8_t>(0xa0 | n); }
}  // namespace dcap_der

// StrictDer walks the elements of one level. Like Reader it fails sticky and lends views; a child level is a
// StrictDer over an element's content. Lengths of more than four bytes, indefinite and non-minimal ones are
// refused.
class StrictDer {
 public:
  struct Element {
    std::uint8_t tag = 0;
    View content;
    View whole;  // tag, length and content
  };

  explicit StrictDer(View in) : in_(in) {}
  // any reads whatever comes next.
  Element any();
  // element reads one that must carry this tag; take is its content.
  Element element(std::uint8_t tag);
  View take(std::uint8_t tag) { return element(tag).content; }
  StrictDer inside(std::uint8_t tag) { return StrictDer(*this, take(tag)); }
  bool next_is(std::uint8_t tag) const { return good_ && !in_.empty() && in_[0] == tag; }
  bool more() const { return good_ && !in_.empty(); }
  bool good() const { return good_; }
  void fail() { good_ = false; }
  // time reads UTCTime or GeneralizedTime in the one form DER allows (seconds, Z).
  UnixTime time();
  // boolean reads TRUE or FALSE, small an INTEGER or ENUMERATED from 0 to max.
  bool boolean();
  std::uint32_t small(std::uint8_t tag, std::uint32_t max);
  // bits is a BIT STRING of whole bytes.
  View bits();
  Status done(std::string_view what) const;

 private:
  StrictDer(const StrictDer& parent, View in) : in_(in), good_(parent.good_) {}
  View in_;
  bool good_ = true;
};

// dotted_oid is a dotted OID; "?" for content that is not one.
std::string dotted_oid(View content);

}  // namespace attest
