#include "evidence/platform/platform_certificate.h"

#include "evidence/core/hex.h"

namespace attest {
namespace {

namespace tag = der_tag;
constexpr std::size_t kMaxBytes = 1 << 20;
constexpr std::string_view kAltName = "2.5.29.17", kDirectoryAttributes = "2.5.29.9", kUsages = "2.5.29.37",
                           kPlatformUsage = "2.23.133.8.2";

Error malformed(const std::string& why) { return Error{Errc::malformed, "platform certificate: " + why}; }

// pem_body is the DER of the first block of either label; nullopt without one.
std::optional<Result<Bytes>> pem_body(std::string_view text) {
  for (std::string_view label : {"ATTRIBUTE CERTIFICATE", "CERTIFICATE"}) {
    std::string begin = "-----BEGIN " + std::string(label) + "-----",
                end = "-----END " + std::string(label) + "-----";
    std::size_t from = text.find(begin);
    if (from == text.npos) continue;
    std::size_t until = text.find(end, from);
    if (until == text.npos) return Result<Bytes>(malformed("PEM without its end"));
    std::string inside;
    for (char c : text.substr(from + begin.size(), until - from - begin.size()))
      if (c != '\n' && c != '\r' && c != ' ' && c != '\t') inside += c;
    return from_base64(inside, kMaxBytes);
  }
  return std::nullopt;
}

// only_name is the Name of GeneralNames that are exactly one directoryName.
Bytes only_name(View general_names) {
  DerReader names(general_names);
  DerValue one = names.next();
  if (!names.good() || names.more() || one.tag != tag::context(4, true)) return {};
  return to_bytes(der_prefix(one.body, tag::kSequence));
}

void read_issuer_serial(View body, DerReader& outer, PlatformHolder& out) {
  DerReader in(body);
  out.issuer_name = only_name(in.take(tag::kSequence));
  out.serial = to_bytes(in.take(tag::kInteger));
  out.has_certificate = in.good();
  if (!in.good()) outer.fail();
}

void read_holder(View body, DerReader& outer, PlatformHolder& out) {
  DerReader in(body);
  if (auto base = in.take_if(tag::context(0, true))) read_issuer_serial(*base, in, out);
  out.has_entity_name = in.take_if(tag::context(1, true)).has_value();
  out.has_object_digest = in.take_if(tag::context(2, true)).has_value();
  if (!in.done("holder")) outer.fail();
}

void read_issuer(DerReader& in, PlatformCertificate& out) {
  if (in.take_if(tag::kSequence)) {  // v1Form
    out.issuer_extra = true;
    return;
  }
  DerReader form(in.take(tag::context(0, true)));
  if (auto names = form.take_if(tag::kSequence)) out.issuer_name = only_name(*names);
  out.issuer_extra = form.more() || !form.good();
}

Status read_attributes(View body, PlatformCertificate& out, bool listed) {
  DerReader attributes(body);
  while (attributes.more()) {
    DerReader attribute(attributes.take(tag::kSequence));
    std::string oid = oid_text(attribute.take(tag::kOid));
    View values = attribute.take(tag::kSet);
    if (!attribute.good()) return malformed("attributes");
    bool twice = std::ranges::find(out.attribute_oids, oid) != out.attribute_oids.end();
    if (listed && twice) return malformed("attribute " + oid + " stands in it twice");
    if (listed) out.attribute_oids.push_back(oid);
    CHECK_OK(read_platform_attribute(oid, values, out.claims));
  }
  return attributes.done("attributes");
}

Status read_extensions(View body, PlatformCertificate& out) {
  DerReader extensions(body);
  while (extensions.more()) {
    DerReader in(extensions.take(tag::kSequence));
    PlatformExtension extension;
    extension.oid = oid_text(in.take(tag::kOid));
    if (auto critical = in.take_if(tag::kBoolean))
      extension.critical = critical->size() == 1 && (*critical)[0] != 0;
    extension.value = to_bytes(in.take(tag::kOctetString));
    CHECK_OK(in.done("extension"));
    for (const PlatformExtension& other : out.extensions)
      if (other.oid == extension.oid) return malformed("extension " + other.oid + " stands in it twice");
    if (extension.oid == kAltName) read_platform_name(extension.value, out.claims);
    if (extension.oid == kDirectoryAttributes) {
      DerReader attributes(extension.value);
      CHECK_OK(read_attributes(attributes.take(tag::kSequence), out, false));
    }
    out.extensions.push_back(std::move(extension));
  }
  return extensions.done("extensions");
}

Status read_validity(View body, PlatformCertificate& out) {
  DerReader in(body);
  TRY(out.not_before, der_time(in.next()));
  TRY(out.not_after, der_time(in.next()));
  return in.done("validity");
}

// AttributeCertificateInfo.
Status read_info(View body, PlatformCertificate& out, Bytes& inner) {
  DerReader in(body);
  auto version = der_integer(in.take(tag::kInteger));
  if (!version || *version > 1) return malformed("version");
  out.version = static_cast<int>(*version) + 1;
  read_holder(in.take(tag::kSequence), in, out.holder);
  read_issuer(in, out);
  DerValue algorithm = in.next();
  inner = to_bytes(algorithm.whole);
  out.serial = to_bytes(in.take(tag::kInteger));
  CHECK_OK(read_validity(in.take(tag::kSequence), out));
  CHECK_OK(read_attributes(in.take(tag::kSequence), out, true));
  in.take_if(tag::kBitString);  // issuerUniqueID
  if (auto extensions = in.take_if(tag::kSequence)) CHECK_OK(read_extensions(*extensions, out));
  return in.done("platform certificate");
}

bool is_platform_usage(const PlatformCertificate& certificate) {
  for (const PlatformExtension& extension : certificate.extensions) {
    if (extension.oid != kUsages) continue;
    DerReader outer(extension.value);
    DerReader usages(outer.take(tag::kSequence));
    while (usages.more())
      if (oid_text(usages.take(tag::kOid)) == kPlatformUsage) return true;
  }
  return false;
}

// TBSCertificate, for the public-key form.
Status read_x509(View body, PlatformCertificate& out, Bytes& inner) {
  DerReader in(body);
  out.attribute_form = false;
  if (auto version = in.take_if(tag::context(0, true))) {
    DerReader number(*version);
    out.version = static_cast<int>(der_integer(number.take(tag::kInteger)).value_or(0)) + 1;
  }
  out.serial = to_bytes(in.take(tag::kInteger));
  DerValue algorithm = in.next();
  inner = to_bytes(algorithm.whole);
  out.issuer_name = to_bytes(in.next().whole);
  CHECK_OK(read_validity(in.take(tag::kSequence), out));
  in.take(tag::kSequence);  // subject
  in.take(tag::kSequence);  // subjectPublicKeyInfo
  in.take_if(tag::context(1, false));
  in.take_if(tag::context(2, false));
  if (auto wrapped = in.take_if(tag::context(3, true))) {
    DerReader extensions(*wrapped);
    CHECK_OK(read_extensions(extensions.take(tag::kSequence), out));
  }
  CHECK_OK(in.done("platform certificate"));
  if (!is_platform_usage(out))
    return Error{Errc::unsupported,
                 "platform certificate: an X.509 certificate without the usage 2.23.133.8.2"};
  return ok();
}

// looks_x509: a TBSCertificate begins with [0] version, an AttributeCertificateInfo with an INTEGER.
bool looks_x509(View tbs) { return !tbs.empty() && tbs[0] == tag::context(0, true); }

Result<PlatformCertificate> parse_der(View bytes) {
  PlatformCertificate out;
  View der = der_prefix(bytes, tag::kSequence);
  if (der.empty()) return malformed("neither DER nor PEM");
  out.der = to_bytes(der);
  out.trailing_bytes = bytes.size() - der.size();
  DerReader outer(der);
  DerReader in(outer.take(tag::kSequence));
  DerValue tbs = in.next(), algorithm = in.next();
  View signature = in.take(tag::kBitString);
  CHECK_OK(in.done("platform certificate"));
  if (tbs.tag != tag::kSequence || algorithm.tag != tag::kSequence || signature.size() < 2 ||
      signature[0] != 0)
    return malformed("not a signed structure");
  Bytes inner;
  CHECK_OK(looks_x509(tbs.body) ? read_x509(tbs.body, out, inner) : read_info(tbs.body, out, inner));
  out.signed_part = to_bytes(tbs.whole);
  out.algorithm = to_bytes(algorithm.whole);
  out.algorithms_agree = out.algorithm == inner;
  DerReader identifier(algorithm.body);
  out.signature_oid = oid_text(identifier.take(tag::kOid));
  out.signature = to_bytes(signature.subspan(1));
  return out;
}

}  // namespace

Result<PlatformCertificate> parse_platform_certificate(View bytes) {
  if (bytes.size() > kMaxBytes) return malformed("more than 1 MiB");
  if (auto pem = pem_body(as_text(bytes))) {
    if (!*pem) return std::move(*pem).error();
    return parse_der(**pem);
  }
  return parse_der(bytes);
}

}  // namespace attest
