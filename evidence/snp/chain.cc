#include "evidence/snp/chain.h"

#include <openssl/x509v3.h>

#include "evidence/core/crypto.h"
#include "evidence/core/error_mark.h"

namespace attest {
namespace {

using OwnedStoreCtx = Owned<X509_STORE_CTX, X509_STORE_CTX_free>;
using OwnedStack = Owned<STACK_OF(X509), [](STACK_OF(X509) * stack) { sk_X509_free(stack); }>;

constexpr std::size_t kMaxOthers = 8;  // certificates beside the key's
constexpr int kChain = 3;

std::string named(const X509* certificate) { return "certificate \"" + subject_text(certificate) + "\": "; }

std::optional<SnpCertificateName> name_of(const X509* certificate) {
  return snp_certificate_name(common_name(certificate));
}

Error not_amd(const X509* certificate) {
  return {Errc::untrusted, named(certificate) + "is none of AMD's for SEV-SNP"};
}

// MissingCrls counts, for one verification, the depths at which no CRL was held.
struct MissingCrls {
  bool authority = false;  // depth 1: the ASK or ASVK
};

// on_verify_step: VCEKs and VLEKs are revoked through the certificate above them; AMD issues no CRL for them.
int on_verify_step(int good, X509_STORE_CTX* ctx) {
  if (good == 1) return 1;
  if (X509_STORE_CTX_get_error(ctx) != X509_V_ERR_UNABLE_TO_GET_CRL) return 0;
  if (X509_STORE_CTX_get_error_depth(ctx) == 1)
    static_cast<MissingCrls*>(X509_STORE_CTX_get_app_data(ctx))->authority = true;
  X509_STORE_CTX_set_error(ctx, X509_V_OK);
  return 1;
}

Error verify_error(X509_STORE_CTX* ctx) {
  int error = X509_STORE_CTX_get_error(ctx);
  const X509* at = X509_STORE_CTX_get_current_cert(ctx);
  bool stale = error == X509_V_ERR_CERT_HAS_EXPIRED || error == X509_V_ERR_CERT_NOT_YET_VALID ||
               error == X509_V_ERR_CRL_HAS_EXPIRED || error == X509_V_ERR_CRL_NOT_YET_VALID;
  return {stale ? Errc::stale : Errc::untrusted,
          (at != nullptr ? named(at) : "snp certificate chain: ") + X509_verify_cert_error_string(error)};
}

// check_authority: RSA of 4,096 bits as AMD makes them, and a CA.
Status check_authority(X509* certificate) {
  const EVP_PKEY* key = X509_get0_pubkey(certificate);
  if (key == nullptr || EVP_PKEY_is_a(key, "RSA") != 1 || EVP_PKEY_get_bits(key) != 4096)
    return Error{Errc::unsupported, named(certificate) + "its key is not RSA of 4096 bits"};
  if (X509_check_ca(certificate) != 1)
    return Error{Errc::untrusted, named(certificate) + "is no CA by its basic constraints"};
  return ok();
}

// check_names: VCEK under ASK or VLEK under ASVK, under an ARK, all of one product.
Status check_names(STACK_OF(X509) * chain, const SnpKeyCertificate& key) {
  if (sk_X509_num(chain) != kChain)
    return Error{Errc::untrusted, "snp certificate chain: " + std::to_string(sk_X509_num(chain)) + " certificates, 3 are due"};
  auto authority = name_of(sk_X509_value(chain, 1));
  auto root = name_of(sk_X509_value(chain, 2));
  if (!authority || !root) return not_amd(sk_X509_value(chain, authority ? 2 : 1));
  auto due = key.role == SnpCertificateRole::vcek ? SnpCertificateRole::ask : SnpCertificateRole::asvk;
  if (authority->role != due || root->role != SnpCertificateRole::ark)
    return Error{Errc::untrusted, std::string("snp certificate chain: a ") + snp_role_name(key.role) + " under " +
                                      snp_role_name(authority->role) + " and " + snp_role_name(root->role)};
  if (authority->product != key.product || root->product != key.product)
    return Error{Errc::untrusted, "snp certificate chain: a key for " + key.product_name + " under authorities for " +
                                      snp_product_name(authority->product) + " and " + snp_product_name(root->product)};
  CHECK_OK(check_authority(sk_X509_value(chain, 1)));
  return check_authority(sk_X509_value(chain, 2));
}

Result<Digest> fingerprint(const X509* certificate) {
  Digest out;
  out.resize(32);
  if (X509_digest(certificate, evp_md(HashAlg::sha256), out.data(), nullptr) != 1)
    return Error{Errc::io, "certificate: cannot be hashed"};
  return out;
}

Result<SnpKey> facts_of(STACK_OF(X509) * chain, SnpKeyCertificate certificate, View der) {
  SnpKey key;
  key.chain = std::string("ARK->") + (certificate.role == SnpCertificateRole::vcek ? "ASK->VCEK" : "ASVK->VLEK");
  key.der = to_bytes(der);
  key.not_after = certificate.not_after;
  for (int i = 1; i < kChain; i++) {
    TRY(UnixTime end, unix_time(X509_get0_notAfter(sk_X509_value(chain, i))));
    key.not_after = std::min(key.not_after, end);
  }
  TRY(key.root, fingerprint(sk_X509_value(chain, kChain - 1)));
  key.certificate = std::move(certificate);
  return key;
}

// Parsed holds the certificates a chain may be built from.
struct Parsed {
  OwnedX509 leaf;
  std::vector<OwnedX509> others;
  OwnedStack stack;
};

Result<Parsed> parse_all(View key_der, const std::vector<Bytes>& others, const std::vector<Bytes>& authorities) {
  if (others.size() > kMaxOthers)
    return Error{Errc::malformed, "snp certificate chain: " + std::to_string(others.size()) + " certificates beside the key's"};
  Parsed parsed{{}, {}, OwnedStack(sk_X509_new_null())};
  TRY(parsed.leaf, parse_certificate(key_der));
  for (const std::vector<Bytes>* list : {&others, &authorities})
    for (const Bytes& der : *list) {
      TRY(OwnedX509 certificate, parse_certificate(der));
      if (!parsed.stack || sk_X509_push(parsed.stack.get(), certificate.get()) <= 0)
        return Error{Errc::io, "snp certificate chain: out of memory"};
      parsed.others.push_back(std::move(certificate));
    }
  return parsed;
}

}  // namespace

Result<SnpTrust> SnpTrust::make(std::span<const Bytes> certificates, const std::vector<Bytes>& crls) {
  ErrorMark mark;
  if (certificates.size() > kMaxCertificates || crls.size() > kMaxCertificates)
    return Error{Errc::malformed, "snp trust: more than " + std::to_string(kMaxCertificates) + " certificates or CRLs"};
  OwnedStore store(X509_STORE_new());
  if (!store) return Error{Errc::io, "snp trust: out of memory"};
  std::vector<Bytes> authorities;
  bool roots = false;
  for (const Bytes& der : certificates) {
    TRY(OwnedX509 certificate, parse_certificate(der));
    auto name = name_of(certificate.get());
    if (!name || name->role == SnpCertificateRole::vcek || name->role == SnpCertificateRole::vlek)
      return not_amd(certificate.get());
    if (name->role != SnpCertificateRole::ark) {
      authorities.push_back(der);
      continue;
    }
    roots = true;
    if (X509_STORE_add_cert(store.get(), certificate.get()) != 1) return Error{Errc::io, "snp trust: out of memory"};
  }
  if (!roots) return Error{Errc::denied, "snp trust: no ARK among the roots"};
  for (const Bytes& der : crls) {
    TRY(OwnedX509Crl crl, parse_crl(der));
    if (X509_STORE_add_crl(store.get(), crl.get()) != 1) return Error{Errc::io, "snp trust: out of memory"};
  }
  return SnpTrust(std::move(store), std::move(authorities), !crls.empty());
}

Result<SnpTrust> SnpTrust::built_in(const std::vector<Bytes>& crls) { return make(amd_certificates(), crls); }

Result<Verified<SnpKey>> SnpTrust::verify(View key_der, const std::vector<Bytes>& others, UnixTime when,
                                          bool require_crl) const {
  ErrorMark mark;
  TRY(SnpKeyCertificate certificate, parse_snp_key_certificate(key_der));
  TRY(Parsed parsed, parse_all(key_der, others, authorities_));
  OwnedStoreCtx ctx(X509_STORE_CTX_new_ex(private_libctx(), nullptr));
  if (!ctx || X509_STORE_CTX_init(ctx.get(), store_.get(), parsed.leaf.get(), parsed.stack.get()) != 1)
    return Error{Errc::io, "snp certificate chain: out of memory"};
  MissingCrls missing;
  X509_VERIFY_PARAM* param = X509_STORE_CTX_get0_param(ctx.get());
  X509_VERIFY_PARAM_set_time(param, static_cast<time_t>(when));
  X509_VERIFY_PARAM_set_auth_level(param, 2);
  if (crls_) {
    X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
    X509_STORE_CTX_set_app_data(ctx.get(), &missing);
    X509_STORE_CTX_set_verify_cb(ctx.get(), on_verify_step);
  }
  if (X509_verify_cert(ctx.get()) != 1) return verify_error(ctx.get());
  STACK_OF(X509)* chain = X509_STORE_CTX_get0_chain(ctx.get());
  CHECK_OK(check_names(chain, certificate));
  bool covered = crls_ && !missing.authority;
  if (require_crl && !covered) return Error{Errc::denied, "snp certificate chain: no CRL of its ARK is held"};
  TRY(SnpKey key, facts_of(chain, std::move(certificate), key_der));
  key.revocation_checked = covered;
  return SignatureCheck::mint(std::move(key));
}

Result<AmdCertificateFacts> inspect_amd_certificates(const std::vector<Bytes>& bundle) {
  ErrorMark mark;
  if (bundle.size() > SnpTrust::kMaxCertificates) return Error{Errc::malformed, "amd certificates: too many"};
  OwnedX509 ark;
  std::vector<std::pair<SnpCertificateName, OwnedX509>> others;
  for (const Bytes& der : bundle) {
    TRY(OwnedX509 certificate, parse_certificate(der));
    auto name = name_of(certificate.get());
    if (!name || name->product == SnpProduct::unknown) return not_amd(certificate.get());
    if (name->role == SnpCertificateRole::ark && ark) return Error{Errc::mismatch, "amd certificates: two ARKs"};
    if (name->role == SnpCertificateRole::ark)
      ark = std::move(certificate);
    else
      others.emplace_back(*name, std::move(certificate));
  }
  if (!ark) return Error{Errc::mismatch, "amd certificates: no ARK among them"};
  AmdCertificateFacts facts;
  facts.product = name_of(ark.get())->product;
  CHECK_OK(check_authority(ark.get()));
  EVP_PKEY* key = X509_get0_pubkey(ark.get());
  auto by_ark = [&](X509* c) { return X509_check_issued(ark.get(), c) == X509_V_OK && X509_verify(c, key) == 1; };
  facts.ark_self_signed = by_ark(ark.get());
  for (auto& [name, certificate] : others) {
    if (name.product != facts.product) return Error{Errc::mismatch, named(certificate.get()) + "is of another product than the ARK"};
    bool good = by_ark(certificate.get()) && check_authority(certificate.get());
    std::optional<bool>& fact = name.role == SnpCertificateRole::ask ? facts.ask_by_ark : facts.asvk_by_ark;
    fact = fact.value_or(true) && good;
  }
  TRY(facts.ark_sha256, fingerprint(ark.get()));
  TRY(facts.ark_not_before, unix_time(X509_get0_notBefore(ark.get())));
  TRY(facts.ark_not_after, unix_time(X509_get0_notAfter(ark.get())));
  return facts;
}

}  // namespace attest
