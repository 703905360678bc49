#include "evidence/x509/chain.h"

#include <openssl/core_names.h>
#include <openssl/x509v3.h>

#include "evidence/core/crypto.h"
#include "evidence/core/error_mark.h"
#include "evidence/x509/role.h"

namespace attest {
namespace {

using OwnedStoreCtx = Owned<X509_STORE_CTX, X509_STORE_CTX_free>;
// OwnedStack frees the stack alone; its certificates belong to others.
using OwnedStack = Owned<STACK_OF(X509), [](STACK_OF(X509) * stack) { sk_X509_free(stack); }>;

std::string named(const X509* certificate, int depth) {
  return "certificate \"" + subject_text(certificate) + "\" (depth " + std::to_string(depth) + "): ";
}

bool is_staleness(int error) {
  return error == X509_V_ERR_CERT_HAS_EXPIRED || error == X509_V_ERR_CERT_NOT_YET_VALID ||
         error == X509_V_ERR_CRL_HAS_EXPIRED || error == X509_V_ERR_CRL_NOT_YET_VALID;
}

// forgive_missing_crls: intermediates whose issuer gave no CRL pass, the leaf does not.
int forgive_missing_crls(int good, X509_STORE_CTX* ctx) {
  if (good == 1) return 1;
  if (X509_STORE_CTX_get_error(ctx) != X509_V_ERR_UNABLE_TO_GET_CRL ||
      X509_STORE_CTX_get_error_depth(ctx) == 0)
    return 0;
  X509_STORE_CTX_set_error(ctx, X509_V_OK);
  return 1;
}

Error verify_error(X509_STORE_CTX* ctx) {
  int error = X509_STORE_CTX_get_error(ctx);
  int depth = X509_STORE_CTX_get_error_depth(ctx);
  const X509* at = X509_STORE_CTX_get_current_cert(ctx);
  std::string where = at != nullptr ? named(at, depth) : "certificate chain: ";
  return {is_staleness(error) ? Errc::stale : Errc::untrusted, where + X509_verify_cert_error_string(error)};
}

// check_key bounds what a signature check may cost and refuses parameters nobody needs.
Status check_key(const X509* certificate, int depth, ChainRole role) {
  const EVP_PKEY* key = X509_get0_pubkey(certificate);
  if (key == nullptr) return Error{Errc::unsupported, named(certificate, depth) + "unreadable public key"};
  if (EVP_PKEY_is_a(key, "RSA") && EVP_PKEY_get_bits(key) >= 2048 && EVP_PKEY_get_bits(key) <= 4096)
    return ok();
  if (EVP_PKEY_is_a(key, "ED25519") && role == ChainRole::metadata_signer) return ok();
  char group[40];
  int is_explicit = 0;
  if (EVP_PKEY_is_a(key, "EC") && EVP_PKEY_get_group_name(key, group, sizeof group, nullptr) == 1 &&
      EVP_PKEY_get_int_param(key, OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS, &is_explicit) == 1 &&
      is_explicit == 0) {
    for (std::string_view allowed : {"prime256v1", "secp384r1", "secp521r1"})
      if (allowed == group) return ok();
  }
  return Error{Errc::unsupported,
               named(certificate, depth) + "key is neither RSA of 2048 to 4096 bits nor P-256, P-384, P-521"};
}

}  // namespace

// Parsed is a chain as OpenSSL takes it.
struct TrustStore::Parsed {
  std::vector<OwnedX509> all;
  OwnedStack intermediates;
};

// certificate_of reads a certificate, or takes the root that has these very bytes.
Result<OwnedX509> TrustStore::certificate_of(View der) const {
  auto root = roots_.find(sha256(der));
  if (root == roots_.end()) return parse_certificate(der);
  if (X509_up_ref(root->second.get()) != 1) return Error{Errc::io, "certificate: cannot hold it"};
  return OwnedX509(root->second.get());
}

Result<TrustStore::Parsed> TrustStore::parse(const std::vector<Bytes>& chain, ChainRole role) const {
  if (chain.empty()) return Error{Errc::malformed, "certificate chain: empty"};
  if (chain.size() > kMaxChain)
    return Error{Errc::malformed, "certificate chain: " + std::to_string(chain.size()) + " certificates, at most " + std::to_string(kMaxChain)};
  Parsed parsed{{}, OwnedStack(sk_X509_new_null())};
  for (const Bytes& der : chain) {
    TRY(OwnedX509 certificate, certificate_of(der));
    CHECK_OK(check_key(certificate.get(), static_cast<int>(parsed.all.size()), role));
    if (!parsed.all.empty() &&
        (!parsed.intermediates || sk_X509_push(parsed.intermediates.get(), certificate.get()) <= 0))
      return Error{Errc::io, "certificate chain: out of memory"};
    parsed.all.push_back(std::move(certificate));
  }
  return parsed;
}

namespace {

void set_parameters(X509_STORE_CTX* ctx, UnixTime when, bool crls) {
  X509_VERIFY_PARAM* param = X509_STORE_CTX_get0_param(ctx);
  X509_VERIFY_PARAM_set_time(param, static_cast<time_t>(when));
  X509_VERIFY_PARAM_set_depth(param, static_cast<int>(TrustStore::kMaxChain) - 1);
  X509_VERIFY_PARAM_set_auth_level(param, 2);  // 112 bits: no SHA-1, no RSA below 2048
  if (!crls) return;
  X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
  X509_STORE_CTX_set_verify_cb(ctx, forgive_missing_crls);
}

using OwnedCrls = Owned<STACK_OF(X509_CRL), [](STACK_OF(X509_CRL) * crls) { sk_X509_CRL_pop_free(crls, X509_CRL_free); }>;

// shorten ends a validity where a CRL of the certificate's issuer ends: what it says is known until then.
Status shorten(X509_STORE_CTX* ctx, const X509* certificate, UnixTime& not_after) {
  OwnedCrls crls(X509_STORE_CTX_get1_crls(ctx, X509_get_issuer_name(certificate)));
  for (int i = 0; crls && i < sk_X509_CRL_num(crls.get()); i++) {
    const ASN1_TIME* next = X509_CRL_get0_nextUpdate(sk_X509_CRL_value(crls.get(), i));
    if (next == nullptr) continue;
    TRY(UnixTime end, unix_time(next));
    not_after = std::min(not_after, end);
  }
  return ok();
}

// facts_of reads the facts off a chain that verified; the chain's last certificate is the root.
Result<ChainFacts> facts_of(const std::vector<Bytes>& input, X509_STORE_CTX* ctx, bool crls) {
  STACK_OF(X509)* chain = X509_STORE_CTX_get0_chain(ctx);
  ChainFacts facts;
  const X509* leaf = sk_X509_value(chain, 0);
  EVP_PKEY* key = X509_get0_pubkey(leaf);
  if (EVP_PKEY_up_ref(key) != 1) return Error{Errc::io, "certificate: cannot hold its key"};
  facts.key.reset(key);
  facts.leaf_der = input.front();
  facts.subject = subject_text(leaf);
  facts.common_name = common_name(leaf);
  facts.root.resize(digest_size(HashAlg::sha256));
  const X509* root = sk_X509_value(chain, sk_X509_num(chain) - 1);
  if (X509_digest(root, evp_md(HashAlg::sha256), facts.root.data(), nullptr) != 1)
    return Error{Errc::io, "certificate: cannot hash the root"};
  for (int i = 0; i < sk_X509_num(chain); i++) {
    TRY(UnixTime end, unix_time(X509_get0_notAfter(sk_X509_value(chain, i))));
    facts.not_after = i == 0 ? end : std::min(facts.not_after, end);
    if (crls) CHECK_OK(shorten(ctx, sk_X509_value(chain, i), facts.not_after));
  }
  return facts;
}

Status check_chain_roles(STACK_OF(X509) * chain, ChainRole role) {
  for (int i = 0; i < sk_X509_num(chain); i++) {
    X509* certificate = sk_X509_value(chain, i);
    CHECK_OK(check_key(certificate, i, role));
    bool root = i > 0 && i == sk_X509_num(chain) - 1;
    if (std::string why =
            i == 0 ? leaf_objection(certificate, role) : issuer_objection(certificate, role, root);
        !why.empty())
      return Error{Errc::untrusted, named(certificate, i) + why};
  }
  return ok();
}

}  // namespace

Result<TrustStore> TrustStore::make(const std::vector<Bytes>& roots, const std::vector<Bytes>& crls) {
  ErrorMark mark;
  if (roots.empty()) return Error{Errc::denied, "trust roots: none given"};
  if (roots.size() > kMaxRoots)
    return Error{Errc::malformed, "trust roots: more than " + std::to_string(kMaxRoots)};
  OwnedStore store(X509_STORE_new());
  Roots parsed;
  if (!store) return Error{Errc::io, "trust roots: out of memory"};
  for (const Bytes& der : roots) {
    TRY(OwnedX509 root, parse_certificate(der));
    if (X509_STORE_add_cert(store.get(), root.get()) != 1)
      return Error{Errc::io, "trust roots: out of memory"};
    if (Digest of = sha256(der); !of.empty()) parsed[of] = std::move(root);
  }
  for (const Bytes& der : crls) {
    TRY(OwnedX509Crl crl, parse_crl(der));
    if (X509_STORE_add_crl(store.get(), crl.get()) != 1) return Error{Errc::io, "CRLs: out of memory"};
  }
  return TrustStore(std::move(store), std::move(parsed), !crls.empty());
}

Result<Verified<ChainFacts>> TrustStore::verify(const std::vector<Bytes>& chain, ChainRole role,
                                                UnixTime when) const {
  ErrorMark mark;
  TRY(Parsed parsed, parse(chain, role));
  OwnedStoreCtx ctx(X509_STORE_CTX_new_ex(private_libctx(), nullptr));
  if (!ctx ||
      X509_STORE_CTX_init(ctx.get(), store_.get(), parsed.all.front().get(), parsed.intermediates.get()) != 1)
    return Error{Errc::io, "certificate chain: out of memory"};
  set_parameters(ctx.get(), when, crls_);
  if (X509_verify_cert(ctx.get()) != 1) return verify_error(ctx.get());
  STACK_OF(X509)* built = X509_STORE_CTX_get0_chain(ctx.get());
  CHECK_OK(check_chain_roles(built, role));
  TRY(ChainFacts facts, facts_of(chain, ctx.get(), crls_));
  return SignatureCheck::mint(std::move(facts));
}

Result<Verified<ChainFacts>> verify_chain(const std::vector<Bytes>& chain, const std::vector<Bytes>& roots,
                                          const std::vector<Bytes>& crls, ChainRole role, UnixTime when) {
  TRY(TrustStore store, TrustStore::make(roots, crls));
  return store.verify(chain, role, when);
}

}  // namespace attest
