#include "test/support/snp_samples.h"

#include <openssl/ecdsa.h>
#include <openssl/pem.h>

#include <cstdlib>

#include "evidence/core/crypto.h"
#include "test/support/testdata.h"

namespace attest::test {
namespace {

template <class T>
T must(Result<T> result) {
  if (!result) std::abort();
  return *std::move(result);
}

OwnedPkey test_key() {
  Bytes pem = snp_fixture("vek-key.pem");
  OwnedBio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  OwnedPkey key(PEM_read_bio_PrivateKey_ex(bio.get(), nullptr, nullptr, nullptr, private_libctx(), nullptr));
  if (!key) std::abort();
  return key;
}

void put_little(const BIGNUM* number, std::uint8_t* at) {
  if (BN_bn2lebinpad(number, at, 72) != 72) std::abort();
}

void sign(Bytes& report) {
  OwnedPkey key = test_key();
  OwnedMdCtx ctx(EVP_MD_CTX_new());
  if (EVP_DigestSignInit_ex(ctx.get(), nullptr, "SHA384", private_libctx(), nullptr, key.get(), nullptr) != 1) std::abort();
  Bytes der(200);
  std::size_t size = der.size();
  if (EVP_DigestSign(ctx.get(), der.data(), &size, report.data(), kSnpSignedBytes) != 1) std::abort();
  const unsigned char* at = der.data();
  Owned<ECDSA_SIG, ECDSA_SIG_free> signature(d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(size)));
  put_little(ECDSA_SIG_get0_r(signature.get()), report.data() + kSnpSignedBytes);
  put_little(ECDSA_SIG_get0_s(signature.get()), report.data() + kSnpSignedBytes + 72);
}

}  // namespace

Bytes snp_fixture(const std::string& name) {
  auto bytes = read_file(fixture("snp/synthetic-" + name));
  if (!bytes) std::abort();
  return *std::move(bytes);
}

Bytes snp_certificate(const std::string& name) {
  return must(split_certificates(snp_fixture(name), name)).front();
}

std::vector<Bytes> snp_authorities(const std::string& product) {
  return {snp_certificate("ark-" + product + ".pem"), snp_certificate("ask-" + product + ".pem"),
          snp_certificate("asvk-" + product + ".pem")};
}

SnpTrust snp_trust(const std::string& product, const std::vector<Bytes>& crls) {
  return must(SnpTrust::make(snp_authorities(product), crls));
}

Bytes snp_resigned(const std::string& name, const std::function<void(Bytes&)>& change) {
  Bytes report = snp_fixture(name);
  change(report);
  sign(report);
  return report;
}

}  // namespace attest::test
