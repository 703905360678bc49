#include "test/support/test_ak.h"

#include <openssl/core_names.h>
#include <openssl/ecdsa.h>

#include "evidence/core/crypto.h"
#include "test/support/recording.h"

namespace attest::test {
namespace {

using OwnedEcdsaSig = Owned<ECDSA_SIG, ECDSA_SIG_free>;
using OwnedBn = Owned<BIGNUM, BN_free>;

Bytes coordinate(EVP_PKEY* key, const char* name) {
  BIGNUM* n = nullptr;
  if (EVP_PKEY_get_bn_param(key, name, &n) != 1) give_up("coordinate");
  OwnedBn owned(n);
  Bytes out(32);
  if (BN_bn2binpad(n, out.data(), 32) != 32) give_up("coordinate");
  return out;
}

Bytes number(const BIGNUM* n) {
  Bytes out(32);
  if (BN_bn2binpad(n, out.data(), 32) != 32) give_up("number");
  return out;
}

Bytes signature(std::uint16_t scheme, View r, View s) {
  Writer out;
  out.u16be(scheme);
  out.u16be(static_cast<std::uint16_t>(HashAlg::sha256));
  out.lv16(r);
  out.lv16(s);
  return must(std::move(out).finish("signature"));
}

void write_head(Writer& out, std::uint32_t magic, std::uint16_t type, View extra_data, std::uint64_t ahead_ms = 0) {
  out.u32be(magic);
  out.u16be(type);
  out.lv16(Bytes(34, 0x0b));  // qualifiedSigner
  out.lv16(extra_data);
  out.u64be(123456 + ahead_ms);  // clock, resetCount, restartCount, safe
  out.u32be(7);
  out.u32be(0);
  out.u8(1);
  out.u64be(0x20191023);  // firmwareVersion
}

void write_selection(Writer& out, const PcrSelection& selection) {
  std::uint8_t bits[3] = {};
  for (std::uint8_t pcr : selection.pcrs) bits[pcr / 8] = static_cast<std::uint8_t>(bits[pcr / 8] | 1U << (pcr % 8));
  out.u16be(static_cast<std::uint16_t>(selection.bank));
  out.u8(sizeof bits);
  out.put(bits);
}

}  // namespace

Bytes TestAk::name() const {
  Bytes out = {0x00, 0x0b};
  Digest digest = sha256(View(public_area));
  out.insert(out.end(), digest.view().begin(), digest.view().end());
  return out;
}

TestAk ak_of(std::shared_ptr<EVP_PKEY> key, std::uint32_t attributes) {
  Writer out;
  out.u16be(tpm::kAlgEcc);
  out.u16be(static_cast<std::uint16_t>(HashAlg::sha256));
  out.u32be(attributes);
  out.lv16({});  // authPolicy
  out.u16be(tpm::kAlgNull);
  out.u16be(tpm::kAlgEcdsa);
  out.u16be(static_cast<std::uint16_t>(HashAlg::sha256));
  out.u16be(tpm::kCurveP256);
  out.u16be(tpm::kAlgNull);
  out.lv16(coordinate(key.get(), OSSL_PKEY_PARAM_EC_PUB_X));
  out.lv16(coordinate(key.get(), OSSL_PKEY_PARAM_EC_PUB_Y));
  return {std::move(key), must(std::move(out).finish("public area"))};
}

TestAk make_ak(std::uint32_t attributes) {
  return ak_of(std::shared_ptr<EVP_PKEY>(make_key("P-256").release(), EVP_PKEY_free), attributes);
}

CertSpec ak_spec() {
  CertSpec spec;
  spec.common_name = "AK of a test machine";
  spec.extensions = {{"basicConstraints", "critical,CA:FALSE"}, {"keyUsage", "critical,digitalSignature"},
                     {"extendedKeyUsage", "2.23.133.8.3"}};
  return spec;
}

TestCert certify_ak(const TestCert& issuer, const TestAk& ak, const CertSpec& spec) {
  EVP_PKEY_up_ref(ak.key.get());
  return issue_for(&issuer, spec, OwnedPkey(ak.key.get()));
}

Bytes write_attest(const QuoteSpec& spec) {
  Writer out;
  write_head(out, spec.magic, spec.type, spec.extra_data, spec.clock_ms);
  out.u32be(static_cast<std::uint32_t>(spec.selections.size()));
  for (const PcrSelection& selection : spec.selections) write_selection(out, selection);
  out.lv16(spec.pcr_digest);
  return must(std::move(out).finish("quote"));
}

Bytes write_certify(View extra_data, View object_name) {
  Writer out;
  write_head(out, tpm::kGenerated, 0x8017, extra_data);
  out.lv16(object_name);
  out.lv16(object_name);
  return must(std::move(out).finish("certify"));
}

Bytes sign_der(View message, EVP_PKEY* key) {
  OwnedMdCtx ctx(EVP_MD_CTX_new());
  Bytes out(128);
  std::size_t size = out.size();
  if (EVP_DigestSignInit_ex(ctx.get(), nullptr, "SHA256", private_libctx(), nullptr, key, nullptr) != 1 ||
      EVP_DigestSign(ctx.get(), out.data(), &size, message.data(), message.size()) != 1)
    give_up("signing");
  out.resize(size);
  return out;
}

Bytes sign_tpm(View message, EVP_PKEY* key) {
  Bytes der = sign_der(message, key);
  const unsigned char* at = der.data();
  OwnedEcdsaSig sig(d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size())));
  if (!sig) give_up("signature");
  return signature(tpm::kAlgEcdsa, number(ECDSA_SIG_get0_r(sig.get())), number(ECDSA_SIG_get0_s(sig.get())));
}

Bytes null_signature() { return {0x00, 0x10}; }
Bytes zero_signature() { return signature(tpm::kAlgEcdsa, Bytes(32), Bytes(32)); }

}  // namespace attest::test
