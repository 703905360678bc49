#include "apps/attestctl/endorsement.h"

#include "apps/attestctl/certs.h"
#include "evidence/x509/chain.h"

namespace attest::ctl {
namespace {

// trimmed cuts what follows a certificate in an NV index: zeros or 0xff, which the DER length tells from the
// rest.
View trimmed(View der) {
  Reader in(der);
  in.u8();
  if (in.u8() != 0x82) return der;
  std::size_t size = std::size_t{in.u16be()} + 4;
  if (!in.good() || size > der.size()) return der;
  View rest = der.subspan(size);
  bool padding = std::ranges::all_of(rest, [](std::uint8_t byte) { return byte == 0; }) ||
                 std::ranges::all_of(rest, [](std::uint8_t byte) { return byte == 0xff; });
  return padding ? der.first(size) : der;
}

// Roots holds the files of --ek-roots: self-signed certificates are roots, the others help to reach them.
struct Roots {
  std::vector<Bytes> roots;
  std::vector<Bytes> intermediates;
};

Result<Roots> read_ek_roots(const std::vector<std::string>& files) {
  Roots out;
  for (const std::string& file : files) {
    TRY(std::vector<Bytes> certificates, read_certificates(file));
    for (Bytes& der : certificates) {
      TRY(OwnedX509 cert, parse_certificate(der));
      bool self = X509_NAME_cmp(X509_get_subject_name(cert.get()), X509_get_issuer_name(cert.get())) == 0;
      (self ? out.roots : out.intermediates).push_back(std::move(der));
    }
  }
  if (out.roots.empty())
    return Error{Errc::denied, "--ek-roots: no self-signed root certificate in these files"};
  return out;
}

// chain_for puts the intermediates behind a leaf that lead upwards from it, by name.
Result<std::vector<Bytes>> chain_for(const Bytes& leaf, const std::vector<Bytes>& intermediates) {
  std::vector<Bytes> chain{leaf};
  TRY(OwnedX509 at, parse_certificate(leaf));
  while (chain.size() < TrustStore::kMaxChain) {
    OwnedX509 issuer;
    for (const Bytes& der : intermediates) {
      TRY(OwnedX509 one, parse_certificate(der));
      if (X509_NAME_cmp(X509_get_subject_name(one.get()), X509_get_issuer_name(at.get())) != 0) continue;
      chain.push_back(der);
      issuer = std::move(one);
      break;
    }
    if (!issuer) break;
    at = std::move(issuer);
  }
  return chain;
}

Status certified(const Bytes& leaf, const PublicArea& key, const Roots& roots, UnixTime now) {
  TRY(std::vector<Bytes> chain, chain_for(leaf, roots.intermediates));
  TRY(Verified<ChainFacts> facts, verify_chain(chain, roots.roots, {}, ChainRole::endorsement_key, now));
  if (EVP_PKEY_eq(facts->key.get(), key.key.get()) == 1) return ok();
  return Error{Errc::mismatch, "EK certificate \"" + facts->subject + "\" is for another key"};
}

}  // namespace

Result<std::string> judge_endorsement(const Endorsement& endorsement, const EndorsementPolicy& policy,
                                      UnixTime now) {
  std::string fingerprint = spki_sha256_hex(endorsement.key.key.get());
  for (std::string accepted : policy.accepted) {
    std::ranges::transform(accepted, accepted.begin(),
                           [](char c) { return c >= 'A' && c <= 'F' ? static_cast<char>(c + 32) : c; });
    if (accepted == fingerprint) return "EK " + fingerprint.substr(0, 12) + " was accepted by hand";
  }
  if (policy.roots.empty())
    return Error{
        Errc::untrusted,
        "nothing says whose TPM this is. Give its maker's roots with --ek-roots FILE, or, if you have seen "
        "this machine's EK yourself, --accept-ek " +
            fingerprint};
  TRY(Roots roots, read_ek_roots(policy.roots));
  std::string why = "the request holds no EK certificate";
  for (const Bytes& certificate : endorsement.certificates) {
    Status status = certified(to_bytes(trimmed(certificate)), endorsement.key, roots, now);
    if (status) return "EK " + fingerprint.substr(0, 12) + " is certified by a maker you trust";
    why = status.error().what;
  }
  return Error{Errc::untrusted, "the EK is not certified under --ek-roots: " + why +
                                    ". To accept this one TPM: --accept-ek " + fingerprint};
}

}  // namespace attest::ctl
