#include "evidence/ek/ek_certificate.h"

#include <openssl/x509v3.h>

#include "evidence/core/error_mark.h"
#include "evidence/core/hex.h"
#include "evidence/core/printable.h"
#include "evidence/tpm/public_key.h"
#include "evidence/x509/der.h"

namespace attest {
namespace {

namespace tag = der_tag;
using OwnedUsages = Owned<EXTENDED_KEY_USAGE, EXTENDED_KEY_USAGE_free>;
constexpr std::string_view kSubjectAltName = "2.5.29.17", kDirectoryAttributes = "2.5.29.9",
                           kGceExtension = "1.3.6.1.4.1.11129.2.1.21", kSpecification = "2.23.133.2.16",
                           kHardwareName = "1.3.6.1.5.5.7.8.4", kEkUsage = "2.23.133.8.1",
                           kAkUsage = "2.23.133.8.3";
constexpr std::size_t kMaxText = 400;

std::string text_of(View body) { return printable(as_text(body), kMaxText); }

std::string bio_text(BIO* bio) {
  char* data = nullptr;
  long size = BIO_get_mem_data(bio, &data);
  return {data, static_cast<std::size_t>(std::max(size, 0L))};
}

std::string name_text(const X509_NAME* name) {
  OwnedBio bio(BIO_new(BIO_s_mem()));
  if (!bio || X509_NAME_print_ex(bio.get(), name, 0, XN_FLAG_ONELINE) < 0) return "?";
  return printable(bio_text(bio.get()), 1000);
}

std::string serial_text(const X509* certificate) {
  const ASN1_INTEGER* serial = X509_get0_serialNumber(certificate);
  OwnedBio bio(BIO_new(BIO_s_mem()));
  if (!bio || i2a_ASN1_INTEGER(bio.get(), serial) <= 0) return {};
  std::string out;
  for (char c : bio_text(bio.get()))
    if (c != '\\' && c != '\n') out += c;
  return out;
}

// oaep_key makes the key of a SubjectPublicKeyInfo that names id-RSAES-OAEP, which OpenSSL does not read.
Result<std::shared_ptr<EVP_PKEY>> oaep_key(X509* certificate) {
  ASN1_OBJECT* oid = nullptr;
  const unsigned char* bits = nullptr;
  int size = 0;
  if (X509_PUBKEY_get0_param(&oid, &bits, &size, nullptr, X509_get_X509_PUBKEY(certificate)) != 1 ||
      OBJ_obj2nid(oid) != NID_rsaesOaep)
    return Error{Errc::unsupported, "ek certificate: unknown kind of key"};
  DerReader outer(View{bits, static_cast<std::size_t>(size)});
  DerReader in(outer.take(tag::kSequence));  // RSAPublicKey
  View n = in.take(tag::kInteger);
  auto e = der_integer(in.take(tag::kInteger));
  CHECK_OK(in.done("rsa public key"));
  CHECK_OK(outer.done("rsa public key"));
  while (!n.empty() && n[0] == 0) n = n.subspan(1);
  if (!e || *e > 0xffffffff || n.size() > 512)
    return Error{Errc::malformed, "ek certificate: RSA key out of bounds"};
  TRY(OwnedPkey key,
      make_rsa_key(static_cast<std::uint16_t>(n.size() * 8), static_cast<std::uint32_t>(*e), n));
  return std::shared_ptr<EVP_PKEY>(std::move(key));
}

std::shared_ptr<EVP_PKEY> key_of(X509* certificate) {
  ErrorMark mark;
  if (EVP_PKEY* key = X509_get_pubkey(certificate)) return OwnedPkey(key);
  auto key = oaep_key(certificate);
  return key ? *key : nullptr;
}

// Attributes of the TPM in the directory name of a subjectAltName.
void read_name(View name, EkCertificate& out) {
  DerReader rdns(name);
  while (rdns.more()) {
    DerReader set(rdns.take(tag::kSet));
    while (set.more()) {
      DerReader pair(set.take(tag::kSequence));
      std::string oid = oid_text(pair.take(tag::kOid));
      std::string text = text_of(pair.next().body);
      if (oid == "2.23.133.2.1") out.manufacturer = text;
      if (oid == "2.23.133.2.2") out.model = text;
      if (oid == "2.23.133.2.3") out.version = text;
    }
  }
}

void read_alt_names(View value, EkCertificate& out) {
  DerReader outer(value);
  DerReader names(outer.take(tag::kSequence));
  while (names.more()) {
    DerValue one = names.next();
    if (one.tag == tag::context(4, true)) {
      DerReader directory(one.body);
      read_name(directory.take(tag::kSequence), out);
    }
    if (one.tag == tag::context(0, true)) {
      DerReader other(one.body);
      out.names_hardware = out.names_hardware || oid_text(other.take(tag::kOid)) == kHardwareName;
    }
  }
}

void read_attributes(View value, EkCertificate& out) {
  DerReader outer(value);
  DerReader attributes(outer.take(tag::kSequence));
  while (attributes.more()) {
    DerReader attribute(attributes.take(tag::kSequence));
    if (oid_text(attribute.take(tag::kOid)) != kSpecification) continue;
    DerReader values(attribute.take(tag::kSet));
    DerReader in(values.take(tag::kSequence));
    TcgSpecification specification;
    specification.family = text_of(in.take(tag::kUtf8));
    auto level = der_integer(in.take(tag::kInteger)), revision = der_integer(in.take(tag::kInteger));
    if (!in.good() || !level || !revision) continue;
    specification.level = *level;
    specification.revision = *revision;
    out.specification = specification;
  }
}

void read_gce(View value, EkCertificate& out) {
  DerReader outer(value);
  DerReader in(outer.take(tag::kSequence));
  GceInstance instance;
  instance.zone = text_of(in.take(tag::kUtf8));
  auto number = der_integer(in.take(tag::kInteger));
  instance.project_id = text_of(in.take(tag::kUtf8));
  View id = in.take(tag::kInteger);
  instance.instance_name = text_of(in.take(tag::kUtf8));
  if (!in.good() || !number || id.size() > 9) return;
  instance.project_number = *number;
  for (std::uint8_t byte : id) instance.instance_id = instance.instance_id << 8 | byte;
  out.gce = instance;
}

bool shown(int nid) {
  return nid == NID_basic_constraints || nid == NID_key_usage || nid == NID_ext_key_usage ||
         nid == NID_subject_alt_name;
}

std::string extension_text(X509_EXTENSION* extension) {
  OwnedBio bio(BIO_new(BIO_s_mem()));
  if (!bio || X509V3_EXT_print(bio.get(), extension, 0, 0) != 1) return "?";
  std::string text = bio_text(bio.get());
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  return printable(text, 1000);
}

Status read_extensions(EkCertificate& out) {
  for (int i = 0; i < X509_get_ext_count(out.x509.get()); i++) {
    X509_EXTENSION* extension = X509_get_ext(out.x509.get(), i);
    ASN1_OBJECT* object = X509_EXTENSION_get_object(extension);
    const ASN1_OCTET_STRING* data = X509_EXTENSION_get_data(extension);
    View value{ASN1_STRING_get0_data(data), static_cast<std::size_t>(ASN1_STRING_length(data))};
    std::string oid = oid_text({OBJ_get0_data(object), OBJ_length(object)});
    if (std::ranges::find(out.extension_oids, oid) != out.extension_oids.end())
      return Error{Errc::malformed, "ek certificate: extension " + oid + " stands in it twice"};
    out.extension_oids.push_back(oid);
    if (shown(OBJ_obj2nid(object)))
      out.extensions_text += (out.extensions_text.empty() ? "" : " | ") + extension_text(extension);
    if (oid == kSubjectAltName) read_alt_names(value, out);
    if (oid == kDirectoryAttributes) read_attributes(value, out);
    if (oid == kGceExtension) read_gce(value, out);
  }
  return ok();
}

Status read_usages(EkCertificate& out) {
  X509* certificate = out.x509.get();
  std::uint32_t flags = X509_get_extension_flags(certificate);
  if ((flags & EXFLAG_INVALID) != 0)
    return Error{Errc::malformed, "ek certificate: an extension is malformed"};
  out.ca = (flags & EXFLAG_CA) != 0;
  if (long length = X509_get_pathlen(certificate); length >= 0) out.path_length = length;
  if ((flags & EXFLAG_KUSAGE) != 0) out.key_usage = X509_get_key_usage(certificate);
  int critical = -1;
  OwnedUsages usages(
      static_cast<EXTENDED_KEY_USAGE*>(X509_get_ext_d2i(certificate, NID_ext_key_usage, &critical, nullptr)));
  if (!usages && critical != -1)
    return Error{Errc::malformed, "ek certificate: unreadable extended key usage"};
  if (!usages) return ok();
  out.extended_usage.emplace();
  for (int i = 0; i < sk_ASN1_OBJECT_num(usages.get()); i++) {
    const ASN1_OBJECT* object = sk_ASN1_OBJECT_value(usages.get(), i);
    out.extended_usage->push_back(oid_text({OBJ_get0_data(object), OBJ_length(object)}));
  }
  return ok();
}

bool has(const std::optional<std::vector<std::string>>& list, std::string_view oid) {
  return list && std::ranges::find(*list, oid) != list->end();
}

}  // namespace

const char* ek_role_name(EkRole role) {
  constexpr const char* kNames[] = {"ek", "ak", "device", "ca", "other"};
  return kNames[static_cast<int>(role)];
}

EkRole EkCertificate::role() const {
  if (ca) return EkRole::ca;
  if (has(extended_usage, kAkUsage)) return EkRole::ak;
  bool signs = key_usage && (*key_usage & KU_DIGITAL_SIGNATURE) != 0;
  bool decrypts = key_usage && (*key_usage & (KU_KEY_ENCIPHERMENT | KU_KEY_AGREEMENT)) != 0;
  if (has(extended_usage, kEkUsage)) return signs && !decrypts ? EkRole::ak : EkRole::ek;
  if (gce) return signs && !decrypts ? EkRole::ak : EkRole::ek;
  if (names_hardware) return EkRole::device;
  if (!manufacturer.empty() && !model.empty()) return signs && !decrypts ? EkRole::ak : EkRole::ek;
  return EkRole::other;
}

Result<EkCertificate> parse_ek_certificate(View der) {
  ErrorMark mark;
  EkCertificate out;
  TRY(out.x509, parse_certificate(der));
  out.der = to_bytes(der);
  out.key = key_of(out.x509.get());
  out.subject = name_text(X509_get_subject_name(out.x509.get()));
  out.issuer = name_text(X509_get_issuer_name(out.x509.get()));
  out.serial = serial_text(out.x509.get());
  TRY(out.not_before, unix_time(X509_get0_notBefore(out.x509.get())));
  TRY(out.not_after, unix_time(X509_get0_notAfter(out.x509.get())));
  CHECK_OK(read_usages(out));
  CHECK_OK(read_extensions(out));
  return out;
}

}  // namespace attest
