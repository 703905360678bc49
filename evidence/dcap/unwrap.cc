// unwrap.cc: quotes inside what frameworks put around them.
#include "evidence/core/hex.h"
#include "evidence/dcap/quote.h"
#include "evidence/x509/der.h"

namespace attest {
namespace {

// OIDs under which a certificate carries a quote.
constexpr std::uint8_t kOpenEnclave[] = {0x2a, 0x86, 0x48, 0x86, 0xf7,
                                         0x14, 0x0a, 0x01, 0x01};  // 1.2.840.113556.10.1.1
constexpr std::uint8_t kOpenEnclave2[] = {0x2a, 0x86, 0x48, 0x86, 0xf7,
                                          0x14, 0x0a, 0x01, 0x02};  // 1.2.840.113556.10.1.2
constexpr std::uint8_t kIntelRaTls[] = {0x2a, 0x86, 0x48, 0x86, 0xf8,
                                        0x4d, 0x8a, 0x39, 0x06};  // 1.2.840.113741.1337.6

// open_enclave is the report behind { version 1, type 2 (remote), size }.
Result<View> open_enclave(View bytes) {
  Reader in(bytes);
  std::uint32_t version = in.u32le(), type = in.u32le();
  std::uint64_t size = in.u64le();
  if (version != 1 || type != 2 || size > in.left())
    return Error{Errc::malformed, "not an Open Enclave report"};
  View quote = in.take(static_cast<std::size_t>(size));
  if (!looks_like_quote(quote)) return Error{Errc::malformed, "Open Enclave report: no quote inside"};
  if (in.more()) return Error{Errc::malformed, "Open Enclave report: trailing bytes"};
  return quote;
}

bool carries_quote(View oid) {
  return equal(oid, kOpenEnclave) || equal(oid, kOpenEnclave2) || equal(oid, kIntelRaTls);
}

// certificate_quote looks through the extensions of a certificate of any key and signature.
Result<View> certificate_quote(View der) {
  DerReader whole(der);
  DerReader certificate = whole.inside(der_tag::kSequence);
  DerReader tbs = certificate.inside(der_tag::kSequence);
  while (tbs.more() && !tbs.at(der_tag::context(3, true))) tbs.next();
  DerReader list = tbs.inside(der_tag::context(3, true)).inside(der_tag::kSequence);
  while (list.more()) {
    DerReader extension = list.inside(der_tag::kSequence);
    View oid = extension.take(der_tag::kOid);
    if (extension.at(der_tag::kBoolean)) extension.boolean();
    View value = extension.take(der_tag::kOctetString);
    if (!extension.good() || !carries_quote(oid)) continue;
    if (looks_like_quote(value)) return value;
    auto inner = open_enclave(value);
    if (inner) return inner;
  }
  return Error{Errc::malformed, "certificate: no quote among its extensions"};
}

bool all_hex(View bytes) {
  for (char c : as_text(bytes))
    if (std::string_view("0123456789abcdefABCDEF").find(c) == std::string_view::npos) return false;
  return !bytes.empty();
}

}  // namespace

Result<UnwrappedQuote> unwrap_quote(View bytes) {
  if (bytes.size() > 2 * kMaxQuoteBytes) return Error{Errc::malformed, "quote: more than 128 KiB"};
  if (auto inner = open_enclave(bytes)) return UnwrappedQuote{to_bytes(*inner), "open-enclave", {}};
  std::string_view text = as_text(bytes);
  while (text.ends_with('\n') || text.ends_with('\r')) text.remove_suffix(1);
  if (text.starts_with("0x")) text.remove_prefix(2);
  if (all_hex(as_view(text))) {
    TRY(Bytes quote, from_hex(text, kMaxQuoteBytes));
    return UnwrappedQuote{std::move(quote), "hex", {}};
  }
  if (!bytes.empty() && bytes[0] == der_tag::kSequence) {
    TRY(View inner, certificate_quote(bytes));
    return UnwrappedQuote{to_bytes(inner), "certificate", to_bytes(bytes)};
  }
  return UnwrappedQuote{to_bytes(bytes), "", {}};
}

}  // namespace attest
