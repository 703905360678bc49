// certificate_result.cc: an X.509 certificate as CMC's results show it.
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <ctime>

#include "evidence/cmc/result.h"
#include "evidence/core/error_mark.h"
#include "evidence/core/hex.h"
#include "evidence/x509/certificate.h"

namespace attest::cmc {
namespace {

constexpr Field kCert[] = {{"version", 0},
                           {"serialNumber", 1},
                           {"issuer", 2},
                           {"subject", 3},
                           {"validity", 4},
                           {"keyUsage", 5},
                           {"signatureAlgorithm", 6},
                           {"publicKeyAlgorithm", 7},
                           {"publicKey", 8},
                           {"pkixExtensions", 9},
                           {"extKeyUsage", 10},
                           {"unknownExtKeyUsage", 11},
                           {"basicConstraintsValid", 12},
                           {"isCA", 13},
                           {"maxPathLen", 14},
                           {"maxPathLenZero", 15},
                           {"subjectKeyId", Field::kTextKey},
                           {"authorityKeyId", 16},
                           {"dnsNames", 17},
                           {"emailAddresses", 18},
                           {"ipAddresses", 19},
                           {"uris", 20}};
constexpr Field kValidity[] = {{"notBefore", 0}, {"notAfter", 1}};
constexpr Field kExtension[] = {{"id", 0}, {"critical", 1}, {"value", 2}};

struct NameRow {
  Field field;
  int nid;
  bool many;
};
constexpr NameRow kNames[] = {{{"country", 0}, NID_countryName, true},
                              {{"organization", 1}, NID_organizationName, true},
                              {{"organizationalUnit", 2}, NID_organizationalUnitName, true},
                              {{"locality", 3}, NID_localityName, true},
                              {{"province", 4}, NID_stateOrProvinceName, true},
                              {{"streetAddress", 5}, NID_streetAddress, true},
                              {{"postalCode", 6}, NID_postalCode, true},
                              {{"serialNumber", 7}, NID_serialNumber, false},
                              {{"commonName", 8}, NID_commonName, false}};

struct UsageRow {
  std::uint32_t bit;
  const char* name;
};
constexpr UsageRow kKeyUsages[] = {{KU_DIGITAL_SIGNATURE, "Digital Signature"},
                                   {KU_NON_REPUDIATION, "Content Commitment"},
                                   {KU_KEY_ENCIPHERMENT, "Key Encipherment"},
                                   {KU_DATA_ENCIPHERMENT, "Data Encipherment"},
                                   {KU_KEY_AGREEMENT, "Key Agreement"},
                                   {KU_KEY_CERT_SIGN, "Cert Sign"},
                                   {KU_CRL_SIGN, "CRL Sign"},
                                   {KU_ENCIPHER_ONLY, "Encipher Only"},
                                   {KU_DECIPHER_ONLY, "Decipher Only"}};

struct PurposeRow {
  int nid;
  const char* name;
};
constexpr PurposeRow kPurposes[] = {{NID_anyExtendedKeyUsage, "Any"}, {NID_server_auth, "Server Auth"},
                                    {NID_client_auth, "Client Auth"}, {NID_code_sign, "Code Signing"},
                                    {NID_email_protect, "Email Protection"}, {NID_time_stamp, "Time Stamping"},
                                    {NID_OCSP_sign, "OCSP Signing"}};

struct AlgorithmRow {
  int nid;
  const char* name;
};
constexpr AlgorithmRow kAlgorithms[] = {{NID_ecdsa_with_SHA256, "ECDSA-SHA256"},
                                        {NID_ecdsa_with_SHA384, "ECDSA-SHA384"},
                                        {NID_ecdsa_with_SHA512, "ECDSA-SHA512"},
                                        {NID_sha256WithRSAEncryption, "SHA256-RSA"},
                                        {NID_sha384WithRSAEncryption, "SHA384-RSA"},
                                        {NID_sha512WithRSAEncryption, "SHA512-RSA"},
                                        {NID_ED25519, "Ed25519"}};

std::string text_of(const ASN1_STRING* string) {
  unsigned char* utf8 = nullptr;
  int size = ASN1_STRING_to_UTF8(&utf8, string);
  if (size < 0) return {};
  Owned<unsigned char, [](unsigned char* p) { OPENSSL_free(p); }> owner(utf8);
  return {reinterpret_cast<char*>(utf8), static_cast<std::size_t>(size)};
}

void write_name(Sink& out, const Field& field, const X509_NAME* name) {
  out.key(field);
  out.object();
  for (const NameRow& row : kNames) {
    std::vector<std::string> values;
    for (int at = X509_NAME_get_index_by_NID(name, row.nid, -1); at >= 0; at = X509_NAME_get_index_by_NID(name, row.nid, at))
      values.push_back(text_of(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at))));
    if (values.empty()) continue;
    if (row.many) {
      write_texts(out, row.field, values);
    } else {
      out.key(row.field);
      out.text(values.back());
    }
  }
  out.end_object();
}

std::string time_text(const ASN1_TIME* time) {
  std::tm tm{};
  char text[64] = "";
  if (ASN1_TIME_to_tm(time, &tm) == 1) std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S +0000 UTC", &tm);
  return text;
}

std::string serial_text(const X509* cert) {
  Owned<BIGNUM, BN_free> number(ASN1_INTEGER_to_BN(X509_get0_serialNumber(cert), nullptr));
  Bytes bytes(number ? static_cast<std::size_t>(BN_num_bytes(number.get())) : 0);
  if (number) BN_bn2bin(number.get(), bytes.data());
  std::string hex = to_hex(bytes);
  return !hex.empty() && hex[0] == '0' ? hex.substr(1) : hex;  // as a number in base 16
}

std::string key_pem(const X509* cert) {
  OwnedBio bio(BIO_new(BIO_s_mem()));
  EVP_PKEY* key = X509_get0_pubkey(cert);
  if (!bio || key == nullptr || PEM_write_bio_PUBKEY(bio.get(), key) != 1) return {};
  char* data = nullptr;
  long size = BIO_get_mem_data(bio.get(), &data);
  return {data, static_cast<std::size_t>(size)};
}

const char* key_algorithm(const X509* cert) {
  const EVP_PKEY* key = X509_get0_pubkey(cert);
  if (key == nullptr) return "0";
  if (EVP_PKEY_is_a(key, "EC") == 1) return "ECDSA";
  return EVP_PKEY_is_a(key, "RSA") == 1 ? "RSA" : EVP_PKEY_is_a(key, "ED25519") == 1 ? "Ed25519" : "0";
}

const char* signature_algorithm(const X509* cert) {
  int nid = X509_get_signature_nid(cert);
  for (const AlgorithmRow& row : kAlgorithms)
    if (row.nid == nid) return row.name;
  return "0";
}

std::string oid_text(const ASN1_OBJECT* object) {
  char oid[80];
  int size = OBJ_obj2txt(oid, sizeof oid, object, 1);
  return size > 0 && size < static_cast<int>(sizeof oid) ? oid : "";
}

void write_extensions(Sink& out, const X509* cert) {
  if (X509_get_ext_count(cert) <= 0) return;
  out.key(kCert[9]);
  out.array();
  for (int i = 0; i < X509_get_ext_count(cert); i++) {
    X509_EXTENSION* extension = X509_get_ext(cert, i);
    const ASN1_OCTET_STRING* value = X509_EXTENSION_get_data(extension);
    out.object();
    out.key(kExtension[0]);
    out.text(oid_text(X509_EXTENSION_get_object(extension)));
    out.key(kExtension[1]);
    out.boolean(X509_EXTENSION_get_critical(extension) == 1);
    out.key(kExtension[2]);
    out.bytes({ASN1_STRING_get0_data(value), static_cast<std::size_t>(ASN1_STRING_length(value))});
    out.end_object();
  }
  out.end_array();
}

void write_usages(Sink& out, X509* cert) {
  std::vector<std::string> names;
  if ((X509_get_extension_flags(cert) & EXFLAG_KUSAGE) != 0)
    for (const UsageRow& row : kKeyUsages)
      if ((X509_get_key_usage(cert) & row.bit) != 0) names.emplace_back(row.name);
  write_texts(out, kCert[5], names);
}

void write_purposes(Sink& out, X509* cert) {
  Owned<EXTENDED_KEY_USAGE, EXTENDED_KEY_USAGE_free> list(
      static_cast<EXTENDED_KEY_USAGE*>(X509_get_ext_d2i(cert, NID_ext_key_usage, nullptr, nullptr)));
  std::vector<std::string> known, unknown;
  for (int i = 0; list && i < sk_ASN1_OBJECT_num(list.get()); i++) {
    const ASN1_OBJECT* object = sk_ASN1_OBJECT_value(list.get(), i);
    const char* name = nullptr;
    for (const PurposeRow& row : kPurposes)
      if (row.nid == OBJ_obj2nid(object)) name = row.name;
    if (name != nullptr)
      known.emplace_back(name);
    else
      unknown.push_back(oid_text(object));
  }
  write_texts(out, kCert[10], known);
  write_texts(out, kCert[11], unknown);
}

void write_constraints(Sink& out, X509* cert) {
  Owned<BASIC_CONSTRAINTS, BASIC_CONSTRAINTS_free> constraints(
      static_cast<BASIC_CONSTRAINTS*>(X509_get_ext_d2i(cert, NID_basic_constraints, nullptr, nullptr)));
  if (!constraints) return;
  out.key(kCert[12]);
  out.boolean(true);
  if (constraints->ca != 0) {
    out.key(kCert[13]);
    out.boolean(true);
  }
  long length = constraints->pathlen != nullptr ? ASN1_INTEGER_get(constraints->pathlen) : -1;
  if (length != 0) {
    out.key(kCert[14]);
    out.integer(length);
  } else {
    out.key(kCert[15]);
    out.boolean(true);
  }
}

void write_key_ids(Sink& out, X509* cert) {
  auto write = [&](const Field& field, const ASN1_OCTET_STRING* id) {
    if (id == nullptr) return;
    out.key(field);
    out.hex({ASN1_STRING_get0_data(id), static_cast<std::size_t>(ASN1_STRING_length(id))});
  };
  write(kCert[16], X509_get0_subject_key_id(cert));
  write(kCert[17], X509_get0_authority_key_id(cert));
}

void write_alternative_names(Sink& out, X509* cert) {
  Owned<GENERAL_NAMES, GENERAL_NAMES_free> names(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(cert, NID_subject_alt_name, nullptr, nullptr)));
  std::vector<std::string> dns, mail, ip, uri;
  for (int i = 0; names && i < sk_GENERAL_NAME_num(names.get()); i++) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type == GEN_DNS) dns.push_back(text_of(name->d.dNSName));
    if (name->type == GEN_EMAIL) mail.push_back(text_of(name->d.rfc822Name));
    if (name->type == GEN_URI) uri.push_back(text_of(name->d.uniformResourceIdentifier));
    if (name->type != GEN_IPADD) continue;
    const ASN1_OCTET_STRING* raw = name->d.iPAddress;
    std::string dotted;
    const unsigned char* bytes = ASN1_STRING_get0_data(raw);
    for (int k = 0; ASN1_STRING_length(raw) == 4 && k < 4; k++) dotted += (k > 0 ? "." : "") + std::to_string(bytes[k]);
    ip.push_back(dotted.empty() ? to_hex({bytes, static_cast<std::size_t>(ASN1_STRING_length(raw))}) : dotted);
  }
  write_texts(out, kCert[18], dns);
  write_texts(out, kCert[19], mail);
  write_texts(out, kCert[20], ip);
  write_texts(out, kCert[21], uri);
}

}  // namespace

bool write_certificate(Sink& out, View der) {
  ErrorMark mark;
  auto parsed = parse_certificate(der);
  if (!parsed) return false;
  X509* cert = parsed->get();
  out.object();
  out.key(kCert[0]);
  out.integer(X509_get_version(cert) + 1);
  out.key(kCert[1]);
  out.text(serial_text(cert));
  write_name(out, kCert[2], X509_get_issuer_name(cert));
  write_name(out, kCert[3], X509_get_subject_name(cert));
  out.key(kCert[4]);
  out.object();
  out.key(kValidity[0]);
  out.text(time_text(X509_get0_notBefore(cert)));
  out.key(kValidity[1]);
  out.text(time_text(X509_get0_notAfter(cert)));
  out.end_object();
  write_usages(out, cert);
  out.key(kCert[6]);
  out.text(signature_algorithm(cert));
  out.key(kCert[7]);
  out.text(key_algorithm(cert));
  out.key(kCert[8]);
  out.text(key_pem(cert));
  write_extensions(out, cert);
  write_purposes(out, cert);
  write_constraints(out, cert);
  write_key_ids(out, cert);
  write_alternative_names(out, cert);
  out.end_object();
  return true;
}

}  // namespace attest::cmc
