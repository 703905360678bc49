#include "evidence/dcap/certificate.h"

#include "evidence/core/hex.h"
#include "evidence/core/printable.h"
#include "evidence/x509/der.h"

namespace attest {
namespace {

constexpr std::uint8_t kEcdsaSha256[] = {0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02};
constexpr std::uint8_t kEcPublicKey[] = {0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01};
constexpr std::uint8_t kPrime256[] = {0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};
constexpr std::uint8_t kCommonName[] = {0x55, 0x04, 0x03};
constexpr std::uint8_t kKeyUsage[] = {0x55, 0x1d, 0x0f};
constexpr std::uint8_t kBasicConstraints[] = {0x55, 0x1d, 0x13};
constexpr std::uint8_t kSgxExtension[] = {0x2a, 0x86, 0x48, 0x86, 0xf8, 0x4d, 0x01, 0x0d, 0x01};

bool less(View a, View b) { return std::ranges::lexicographical_compare(a, b); }

Status check_algorithm(DerReader& in) {
  DerReader algorithm = in.inside(der_tag::kSequence);
  View oid = algorithm.take(der_tag::kOid);
  CHECK_OK(algorithm.done("signature algorithm"));
  if (!equal(oid, kEcdsaSha256))
    return Error{Errc::unsupported, "signature algorithm " + oid_text(oid) + ", only ecdsa-with-SHA256"};
  return ok();
}

// name_cn is the common name of an RDNSequence; empty if there is none or more than one.
std::string name_cn(View name, DerReader& parent) {
  std::string cn;
  DerReader whole(name);
  DerReader rdns = whole.inside(der_tag::kSequence);
  while (rdns.more()) {
    DerReader set = rdns.inside(der_tag::kSet);
    while (set.more()) {
      DerReader pair = set.inside(der_tag::kSequence);
      View type = pair.take(der_tag::kOid);
      View value = pair.next().body;
      if (!pair.done("name")) set.fail();
      if (equal(type, kCommonName)) cn = cn.empty() ? printable(as_text(value), 128) : std::string("?");
    }
    if (!set.good()) rdns.fail();
  }
  if (!rdns.good()) parent.fail();
  return cn;
}

Status read_key(DerReader& tbs, DcapCertificate& out) {
  DerReader spki = tbs.inside(der_tag::kSequence);
  DerReader algorithm = spki.inside(der_tag::kSequence);
  View type = algorithm.take(der_tag::kOid);
  View curve = algorithm.take(der_tag::kOid);
  View point = spki.bits();
  CHECK_OK(spki.done("public key"));
  if (!algorithm.done("public key") || !equal(type, kEcPublicKey) || !equal(curve, kPrime256) ||
      point.size() != 65 || point[0] != 0x04)
    return Error{Errc::unsupported, "certificate: its key is not an uncompressed point of P-256"};
  out.point = point.subspan(1);
  return ok();
}

Status read_key_usage(View value, DcapCertificate& out) {
  DerReader in(value);
  View bits = in.take(der_tag::kBitString);
  CHECK_OK(in.done("key usage"));
  if (bits.size() < 2 || bits[0] > 7) return Error{Errc::malformed, "key usage: not a bit string of usages"};
  out.digital_signature = (bits[1] & 0x80) != 0;
  out.key_cert_sign = (bits[1] & 0x04) != 0;
  out.crl_sign = (bits[1] & 0x02) != 0;
  return ok();
}

Status read_basic_constraints(View value, DcapCertificate& out) {
  DerReader in(value);
  DerReader members = in.inside(der_tag::kSequence);
  if (members.at(der_tag::kBoolean)) out.is_ca = members.boolean();
  if (members.at(der_tag::kInteger)) out.path_length = members.small(der_tag::kInteger, 255);
  CHECK_OK(members.done("basic constraints"));
  return in.done("basic constraints");
}

Status read_extension(View oid, bool critical, View value, DcapCertificate& out) {
  if (equal(oid, kKeyUsage)) return read_key_usage(value, out);
  if (equal(oid, kBasicConstraints)) return read_basic_constraints(value, out);
  if (equal(oid, kSgxExtension)) {
    TRY(out.pck, parse_pck_extension(value));
    return ok();
  }
  if (critical && out.unknown_critical.empty()) out.unknown_critical = oid_text(oid);
  return ok();
}

Status read_extensions(DerReader& tbs, DcapCertificate& out) {
  DerReader wrapper = tbs.inside(der_tag::context(3, true));
  DerReader list = wrapper.inside(der_tag::kSequence);
  CHECK_OK(wrapper.done("extensions"));
  std::vector<View> seen;
  while (list.more()) {
    DerReader extension = list.inside(der_tag::kSequence);
    View oid = extension.take(der_tag::kOid);
    bool critical = extension.at(der_tag::kBoolean) && extension.boolean();
    View value = extension.take(der_tag::kOctetString);
    CHECK_OK(extension.done("extension"));
    if (oid_text(oid).empty()) return Error{Errc::malformed, "certificate: an extension without an OID"};
    for (View other : seen)
      if (equal(other, oid))
        return Error{Errc::malformed, "certificate: extension " + oid_text(oid) + " twice"};
    seen.push_back(oid);
    if (seen.size() > 32) return Error{Errc::malformed, "certificate: more than 32 extensions"};
    CHECK_OK(read_extension(oid, critical, value, out));
  }
  return list.done("extensions");
}

Status read_tbs(DcapCertificate& out) {
  DerReader whole(out.tbs);
  DerReader tbs = whole.inside(der_tag::kSequence);
  DerReader version = tbs.inside(der_tag::context(0, true));
  if (version.small(der_tag::kInteger, 2) != 2)
    return Error{Errc::unsupported, "certificate: not X.509 version 3"};
  out.serial = tbs.take(der_tag::kInteger);
  CHECK_OK(check_algorithm(tbs));
  out.issuer = tbs.value(der_tag::kSequence).whole;
  DerReader validity = tbs.inside(der_tag::kSequence);
  out.not_before = validity.time();
  out.not_after = validity.time();
  CHECK_OK(validity.done("validity"));
  out.subject = tbs.value(der_tag::kSequence).whole;
  out.issuer_cn = name_cn(out.issuer, tbs);
  out.subject_cn = name_cn(out.subject, tbs);
  CHECK_OK(read_key(tbs, out));
  CHECK_OK(read_extensions(tbs, out));
  return tbs.done("certificate");
}

// der_size is the size of the SEQUENCE at the front; 0 if there is none.
std::size_t der_size(View bytes) {
  DerReader in(bytes);
  return in.value(der_tag::kSequence).whole.size();
}

Status add_certificate(View der, std::vector<DcapCertificate>& out) {
  if (out.size() == kMaxDcapCertificates)
    return Error{Errc::malformed, "certificate chain: more than 16 certificates"};
  TRY(DcapCertificate certificate, parse_dcap_certificate(der));
  out.push_back(std::move(certificate));
  return ok();
}

constexpr std::string_view kBetween(" \t\r\n\0", 5);

void skip_blanks(std::string_view& text) {
  while (!text.empty() && kBetween.find(text.front()) != kBetween.npos) text.remove_prefix(1);
}

// take_pem decodes one block of a kind at the front of text and moves text behind it.
Result<Bytes> take_pem(std::string_view& text, std::string_view kind, std::size_t max_bytes) {
  std::string begin = "-----BEGIN " + std::string(kind) + "-----",
              end = "-----END " + std::string(kind) + "-----";
  std::size_t to = text.find(end);
  if (!text.starts_with(begin) || to == text.npos)
    return Error{Errc::malformed, "not PEM of " + std::string(kind) + " blocks"};
  std::string digits;
  digits.reserve(to);
  for (char c : text.substr(begin.size(), to - begin.size()))
    if (c > ' ') digits += c;  // blanks; anything else that is no digit fails the decoder
  text.remove_prefix(to + end.size());
  skip_blanks(text);
  return from_base64(digits, max_bytes);
}

Status read_revoked(DerReader& tbs, DcapCrl& out) {
  DerReader list = tbs.inside(der_tag::kSequence);
  while (list.more()) {
    DerReader entry = list.inside(der_tag::kSequence);
    out.revoked.push_back(entry.take(der_tag::kInteger));
    entry.time();
    if (entry.more()) entry.take(der_tag::kSequence);
    CHECK_OK(entry.done("CRL entry"));
    if (out.revoked.size() > kMaxRevoked) return Error{Errc::malformed, "CRL: more than 65536 entries"};
  }
  std::ranges::sort(out.revoked, less);
  return list.done("CRL");
}

Status read_crl_tbs(DcapCrl& out) {
  DerReader whole(out.tbs);
  DerReader tbs = whole.inside(der_tag::kSequence);
  if (tbs.small(der_tag::kInteger, 1) != 1) return Error{Errc::unsupported, "CRL: not version 2"};
  CHECK_OK(check_algorithm(tbs));
  out.issuer = tbs.value(der_tag::kSequence).whole;
  out.issuer_cn = name_cn(out.issuer, tbs);
  out.this_update = tbs.time();
  out.next_update = tbs.time();
  if (tbs.at(der_tag::kSequence)) CHECK_OK(read_revoked(tbs, out));
  if (tbs.more()) tbs.take(der_tag::context(0, true));
  return tbs.done("CRL");
}

// read_signed splits what certificates and CRLs have in common: the signed part, its algorithm, the
// signature.
template <class T>
Status read_signed(T& out, const char* what) {
  DerReader whole(out.der);
  DerReader outer = whole.inside(der_tag::kSequence);
  CHECK_OK(whole.done(what));
  out.tbs = outer.value(der_tag::kSequence).whole;
  CHECK_OK(check_algorithm(outer));
  out.signature = outer.bits();
  return outer.done(what);
}

}  // namespace

Result<DcapCertificate> parse_dcap_certificate(View der) {
  if (der.size() > kMaxDcapCertBytes) return Error{Errc::malformed, "certificate: more than 16384 bytes"};
  DcapCertificate out;
  out.der = to_bytes(der);
  CHECK_OK(read_signed(out, "certificate"));
  CHECK_OK(read_tbs(out));
  return out;
}

Result<std::vector<DcapCertificate>> parse_dcap_chain(View bytes) {
  std::vector<DcapCertificate> out;
  std::string_view text = as_text(bytes);
  skip_blanks(text);
  while (!text.empty()) {
    if (as_view(text)[0] == der_tag::kSequence) {
      std::size_t size = der_size(as_view(text));
      if (size == 0) return Error{Errc::malformed, "certificate chain: broken DER"};
      CHECK_OK(add_certificate(as_view(text.substr(0, size)), out));
      text.remove_prefix(size);
    } else {
      TRY(Bytes der, take_pem(text, "CERTIFICATE", kMaxDcapCertBytes));
      CHECK_OK(add_certificate(der, out));
    }
  }
  if (out.empty()) return Error{Errc::malformed, "certificate chain: empty"};
  return out;
}

bool DcapCrl::lists(View serial) const { return std::ranges::binary_search(revoked, serial, less); }

Result<DcapCrl> parse_dcap_crl(View der) {
  if (der.size() > kMaxDcapCrlBytes) return Error{Errc::malformed, "CRL: more than 4 MiB"};
  DcapCrl out;
  out.der = to_bytes(der);
  CHECK_OK(read_signed(out, "CRL"));
  CHECK_OK(read_crl_tbs(out));
  return out;
}

Result<std::vector<Bytes>> split_pem_crls(std::string_view text) {
  std::vector<Bytes> out;
  skip_blanks(text);
  while (!text.empty()) {
    if (out.size() == kMaxDcapCertificates) return Error{Errc::malformed, "CRLs: more than 16"};
    TRY(Bytes der, take_pem(text, "X509 CRL", kMaxDcapCrlBytes));
    out.push_back(std::move(der));
  }
  return out;
}

}  // namespace attest
