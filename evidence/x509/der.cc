#include "evidence/x509/der.h"

namespace attest {
namespace {

// read_length reads a definite length in its shortest form.
std::size_t read_length(Reader& in) {
  std::size_t first = in.u8();
  if (first < 0x80) return first;
  std::size_t bytes = first & 0x7f, length = 0;
  if (bytes == 0 || bytes > 4) in.fail();
  for (std::size_t i = 0; i < bytes && in.good(); i++) {
    std::size_t byte = in.u8();
    if (i == 0 && byte == 0) in.fail();
    length = length << 8 | byte;
  }
  if (length < 0x80) in.fail();
  return length;
}

std::string rfc3339(std::string_view digits) {  // YYYYMMDDhhmmss
  std::string text;
  constexpr std::string_view kMarks = "--T::Z";
  for (std::size_t part = 0, at = 0; part < 6; part++) {
    std::size_t size = part == 0 ? 4 : 2;
    text += digits.substr(at, size);
    text += kMarks[part];
    at += size;
  }
  return text;
}

}  // namespace

DerValue DerReader::next() {
  Reader in(bad_ ? View{} : in_);
  DerValue value;
  value.tag = in.u8();
  if ((value.tag & 0x1f) == 0x1f) in.fail();  // tag numbers above 30
  std::size_t length = read_length(in);
  value.body = in.take(length);
  if (!in.good()) {
    bad_ = true;
    return {};
  }
  value.whole = in_.first(in_.size() - in.left());
  in_ = in_.subspan(value.whole.size());
  return value;
}

DerValue DerReader::value(std::uint8_t tag) {
  if (!at(tag)) bad_ = true;
  return next();
}

DerReader DerReader::inside(std::uint8_t tag) {
  DerReader level(take(tag));
  level.bad_ = bad_;
  return level;
}

std::optional<View> DerReader::take_if(std::uint8_t tag) {
  if (!at(tag)) return std::nullopt;
  View body = take(tag);
  if (bad_) return std::nullopt;
  return body;
}

UnixTime DerReader::time() {
  auto when = der_time(next());
  if (!when) bad_ = true;
  return bad_ ? 0 : *when;
}

bool DerReader::boolean() {
  View body = take(der_tag::kBoolean);
  if (body.size() != 1 || (body[0] != 0 && body[0] != 0xff)) bad_ = true;
  return !bad_ && body[0] == 0xff;
}

std::uint32_t DerReader::small(std::uint8_t tag, std::uint32_t max) {
  auto number = der_integer(take(tag));
  if (!number || *number > max) bad_ = true;
  return bad_ ? 0 : static_cast<std::uint32_t>(*number);
}

View DerReader::bits() {
  View body = take(der_tag::kBitString);
  if (body.empty() || body[0] != 0) bad_ = true;
  return bad_ ? View{} : body.subspan(1);
}

Status DerReader::done(std::string_view what) const {
  if (bad_) return Error{Errc::malformed, std::string(what) + ": not the DER that is due here"};
  if (!in_.empty())
    return Error{Errc::malformed, std::string(what) + ": " + std::to_string(in_.size()) + " trailing bytes"};
  return ok();
}

View der_prefix(View bytes, std::uint8_t tag) {
  DerReader in(bytes);
  DerValue value = in.next();
  return in.good() && value.tag == tag ? value.whole : View{};
}

std::string oid_text(View oid) {
  std::string text;
  std::uint64_t arc = 0;
  bool first = true, open = false;
  for (std::uint8_t byte : oid) {
    if (arc >> 56 != 0 || (!open && byte == 0x80)) return {};
    arc = arc << 7 | (byte & 0x7f);
    open = (byte & 0x80) != 0;
    if (open) continue;
    if (first) {
      std::uint64_t root = std::min<std::uint64_t>(arc / 40, 2);
      text = std::to_string(root);
      arc -= root * 40;
      first = false;
    }
    text += "." + std::to_string(arc);
    arc = 0;
  }
  return open ? std::string() : text;
}

Result<UnixTime> der_time(const DerValue& value) {
  std::string_view text = as_text(value.body);
  bool utc = value.tag == der_tag::kUtcTime;
  std::size_t size = utc ? 13 : 15;
  if ((!utc && value.tag != der_tag::kGeneralizedTime) || text.size() != size || text.back() != 'Z')
    return Error{Errc::malformed, "time: neither UTCTime nor GeneralizedTime with seconds and Z"};
  for (char c : text.substr(0, size - 1))
    if (c < '0' || c > '9') return Error{Errc::malformed, "time: not digits"};
  std::string digits(text.substr(0, size - 1));
  if (utc) digits = (digits[0] >= '5' ? "19" : "20") + digits;  // RFC 5280, 4.1.2.5.1
  return parse_rfc3339(rfc3339(digits));
}

std::optional<std::int64_t> der_integer(View body) {
  if (body.empty() || body.size() > 8 || (body[0] & 0x80) != 0) return std::nullopt;
  if (body.size() > 1 && body[0] == 0 && (body[1] & 0x80) == 0) return std::nullopt;  // a zero too many
  std::int64_t out = 0;
  for (std::uint8_t byte : body) out = out << 8 | byte;
  return out;
}

}  // namespace attest
