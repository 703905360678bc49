#include "test/support/test_ca.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <cstdlib>

#include "evidence/core/crypto.h"

namespace attest::test {
namespace {

// need: a test cannot go on without this.
void need(bool good, const char* what) {
  if (good) return;
  std::fprintf(stderr, "test CA: %s failed\n", what);
  ERR_print_errors_fp(stderr);
  std::abort();
}

using OwnedAsn1Time = Owned<ASN1_TIME, ASN1_TIME_free>;
OwnedAsn1Time asn1_time(UnixTime when) {
  OwnedAsn1Time time(ASN1_TIME_set(nullptr, static_cast<time_t>(when)));
  need(time != nullptr, "ASN1_TIME_set");
  return time;
}

void set_names(X509* certificate, const TestCert* issuer, const std::string& common_name) {
  X509_NAME* name = X509_get_subject_name(certificate);
  need(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                                  reinterpret_cast<const unsigned char*>(common_name.data()),
                                  static_cast<int>(common_name.size()), -1, 0) == 1,
       "subject");
  const X509_NAME* by = issuer != nullptr ? X509_get_subject_name(issuer->certificate.get()) : name;
  need(X509_set_issuer_name(certificate, by) == 1, "issuer");
}

void add_extensions(X509* certificate, const TestCert* issuer, const CertSpec& spec) {
  X509V3_CTX ctx;
  X509V3_set_ctx(&ctx, issuer != nullptr ? issuer->certificate.get() : certificate, certificate, nullptr,
                 nullptr, 0);
  X509V3_set_ctx_nodb(&ctx);
  for (const auto& [name, value] : spec.extensions) {
    Owned<X509_EXTENSION, X509_EXTENSION_free> extension(
        X509V3_EXT_nconf(nullptr, &ctx, name.c_str(), value.c_str()));
    need(extension && X509_add_ext(certificate, extension.get(), -1) == 1, name.c_str());
  }
}

const EVP_MD* signing_digest(const CertSpec& spec) {
  const EVP_MD* md = EVP_get_digestbyname(spec.digest.c_str());
  need(md != nullptr, "digest");
  return md;
}

std::string pem_of(OwnedBio bio) {
  char* data = nullptr;
  long size = BIO_get_mem_data(bio.get(), &data);
  return {data, static_cast<std::size_t>(size)};
}

}  // namespace

Bytes TestCert::der() const {
  unsigned char* out = nullptr;
  int size = i2d_X509(certificate.get(), &out);
  need(size > 0, "i2d_X509");
  Bytes der(out, out + size);
  OPENSSL_free(out);
  return der;
}

std::string TestCert::key_pem() const {
  OwnedBio bio(BIO_new(BIO_s_mem()));
  need(bio && PEM_write_bio_PrivateKey(bio.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) == 1,
       "key PEM");
  return pem_of(std::move(bio));
}

OwnedPkey make_key(const std::string& kind) {
  OwnedPkey key;
  if (kind.starts_with("RSA-"))
    key.reset(EVP_PKEY_Q_keygen(private_libctx(), nullptr, "RSA",
                                static_cast<std::size_t>(std::stoul(kind.substr(4)))));
  else if (kind == "ED25519")
    key.reset(EVP_PKEY_Q_keygen(private_libctx(), nullptr, "ED25519"));
  else
    key.reset(EVP_PKEY_Q_keygen(private_libctx(), nullptr, "EC", kind.c_str()));
  need(key != nullptr, "key generation");
  return key;
}

TestCert issue_for(const TestCert* issuer, const CertSpec& spec, OwnedPkey key) {
  static long serial = 1000;
  TestCert out{std::move(key), OwnedX509(X509_new_ex(private_libctx(), nullptr))};
  X509* certificate = out.certificate.get();
  need(certificate != nullptr && X509_set_version(certificate, 2) == 1, "X509_new_ex");
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), ++serial);
  set_names(certificate, issuer, spec.common_name);
  need(X509_set1_notBefore(certificate, asn1_time(spec.not_before).get()) == 1, "notBefore");
  need(X509_set1_notAfter(certificate, asn1_time(spec.not_after).get()) == 1, "notAfter");
  need(X509_set_pubkey(certificate, out.key.get()) == 1, "public key");
  add_extensions(certificate, issuer, spec);
  EVP_PKEY* by = issuer != nullptr ? issuer->key.get() : out.key.get();
  need(X509_sign(certificate, by, signing_digest(spec)) > 0, "X509_sign");
  // Parsed again, so that nothing cached while it was built remains.
  auto parsed = parse_certificate(out.der());
  need(bool(parsed), "parsing what was made");
  out.certificate = *std::move(parsed);
  return out;
}

TestCert issue(const TestCert* issuer, const CertSpec& spec) {
  return issue_for(issuer, spec, make_key(spec.key));
}

TestCert make_root(const std::string& common_name, const std::string& key) {
  CertSpec spec;
  spec.common_name = common_name;
  spec.key = key;
  spec.extensions = {{"basicConstraints", "critical,CA:TRUE"},
                     {"keyUsage", "critical,keyCertSign,cRLSign"},
                     {"subjectKeyIdentifier", "hash"}};
  spec.not_after = kTestNow + 3650 * kDay;
  return issue(nullptr, spec);
}

TestCert make_signer(const TestCert& ca, const std::string& key) {
  CertSpec spec;
  spec.common_name = "Test Signer";
  spec.key = key;
  spec.extensions = {{"basicConstraints", "critical,CA:FALSE"},
                     {"keyUsage", "critical,digitalSignature"},
                     {"extendedKeyUsage", "codeSigning"}};
  return issue(&ca, spec);
}

Bytes make_crl(const TestCert& issuer, const std::vector<const TestCert*>& revoked, UnixTime this_update,
               UnixTime next_update) {
  OwnedX509Crl crl(X509_CRL_new_ex(private_libctx(), nullptr));
  need(crl && X509_CRL_set_version(crl.get(), 1) == 1, "X509_CRL_new_ex");
  X509_CRL_set_issuer_name(crl.get(), X509_get_subject_name(issuer.certificate.get()));
  X509_CRL_set1_lastUpdate(crl.get(), asn1_time(this_update).get());
  X509_CRL_set1_nextUpdate(crl.get(), asn1_time(next_update).get());
  for (const TestCert* one : revoked) {
    X509_REVOKED* entry = X509_REVOKED_new();
    X509_REVOKED_set_serialNumber(entry, X509_get_serialNumber(one->certificate.get()));
    X509_REVOKED_set_revocationDate(entry, asn1_time(this_update).get());
    need(X509_CRL_add0_revoked(crl.get(), entry) == 1, "revoked entry");
  }
  X509_CRL_sort(crl.get());
  need(X509_CRL_sign(crl.get(), issuer.key.get(), EVP_sha256()) > 0, "X509_CRL_sign");
  unsigned char* out = nullptr;
  int size = i2d_X509_CRL(crl.get(), &out);
  need(size > 0, "i2d_X509_CRL");
  Bytes der(out, out + size);
  OPENSSL_free(out);
  return der;
}

}  // namespace attest::test
