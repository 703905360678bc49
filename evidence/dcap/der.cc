#include "evidence/dcap/der.h"

namespace attest {

StrictDer::Element StrictDer::any() {
  Reader in(in_);
  Element out;
  out.tag = in.u8();
  if ((out.tag & 0x1f) == 0x1f) in.fail();  // tags above 30 take more bytes: none of ours do
  std::size_t size = in.u8();
  if (size >= 0x80) {
    std::size_t bytes = size & 0x7f;
    if (bytes == 0 || bytes > 4) in.fail();
    size = 0;
    for (std::uint8_t byte : in.take(bytes)) size = size << 8 | byte;
    if (size < 0x80 || (bytes > 1 && size >> (8 * (bytes - 1)) == 0)) in.fail();
  }
  out.content = in.take(size);
  good_ = good_ && in.good();
  if (!good_) return {};
  std::size_t whole = in_.size() - in.left();
  out.whole = in_.first(whole);
  in_ = in_.subspan(whole);
  return out;
}

StrictDer::Element StrictDer::element(std::uint8_t tag) {
  if (!next_is(tag)) good_ = false;
  return good_ ? any() : Element{};
}

UnixTime StrictDer::time() {
  bool utc = next_is(dcap_der::kUtcTime);
  View text = take(utc ? dcap_der::kUtcTime : dcap_der::kGeneralizedTime);
  std::size_t year_digits = utc ? 2 : 4;
  if (text.size() != year_digits + 11 || text.back() != 'Z') good_ = false;
  if (!good_) return 0;
  std::string digits(as_text(text.first(text.size() - 1)));
  if (digits.find_first_not_of("0123456789") != std::string::npos) good_ = false;
  if (utc) digits = (digits[0] >= '5' ? "19" : "20") + digits;
  std::string rfc3339 = digits.substr(0, 4) + "-" + digits.substr(4, 2) + "-" + digits.substr(6, 2) + "T" +
                        digits.substr(8, 2) + ":" + digits.substr(10, 2) + ":" + digits.substr(12, 2) + "Z";
  auto when = parse_rfc3339(rfc3339);
  if (!when) good_ = false;
  return good_ ? *when : 0;
}

bool StrictDer::boolean() {
  View value = take(dcap_der::kBoolean);
  if (value.size() != 1 || (value[0] != 0 && value[0] != 0xff)) good_ = false;
  return good_ && value[0] == 0xff;
}

std::uint32_t StrictDer::small(std::uint8_t tag, std::uint32_t max) {
  View value = take(tag);
  if (value.empty() || value.size() > 5 || (value[0] & 0x80) != 0) good_ = false;
  if (value.size() > 1 && value[0] == 0 && (value[1] & 0x80) == 0) good_ = false;
  std::uint64_t number = 0;
  for (std::uint8_t byte : value) number = number << 8 | byte;
  if (number > max) good_ = false;
  return good_ ? static_cast<std::uint32_t>(number) : 0;
}

View StrictDer::bits() {
  View value = take(dcap_der::kBitString);
  if (value.empty() || value[0] != 0) good_ = false;
  return good_ ? value.subspan(1) : View{};
}

Status StrictDer::done(std::string_view what) const {
  if (!good_) return Error{Errc::malformed, std::string(what) + ": not the DER it should be"};
  if (!in_.empty()) return Error{Errc::malformed, std::string(what) + ": trailing bytes"};
  return ok();
}

std::string dotted_oid(View content) {
  std::string out;
  std::uint64_t arc = 0;
  std::size_t digits = 0;
  for (std::uint8_t byte : content) {
    if (++digits > 9) return "?";
    arc = arc << 7 | (byte & 0x7f);
    if ((byte & 0x80) != 0) continue;
    if (out.empty()) {
      std::uint64_t first = std::min<std::uint64_t>(arc / 40, 2);
      out = std::to_string(first) + "." + std::to_string(arc - first * 40);
    } else {
      out += "." + std::to_string(arc);
    }
    arc = digits = 0;
  }
  return digits != 0 || out.empty() ? "?" : out;
}

}  // namespace attest
