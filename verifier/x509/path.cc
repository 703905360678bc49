#include "verifier/x509/path.h"

#include <openssl/x509v3.h>

#include "evidence/core/error_mark.h"

namespace attest {
namespace {

Bytes der_of(const X509* certificate) {
  unsigned char* out = nullptr;
  int size = i2d_X509(certificate, &out);
  if (size <= 0) return {};
  Owned<unsigned char, [](unsigned char* p) { OPENSSL_free(p); }> owner(out);
  return {out, out + size};
}

bool same_name(const X509_NAME* a, const X509_NAME* b) { return X509_NAME_cmp(a, b) == 0; }

bool self_issued(X509* certificate) {
  return same_name(X509_get_subject_name(certificate), X509_get_issuer_name(certificate));
}

bool signed_by(X509* certificate, X509* issuer) {
  EVP_PKEY* key = X509_get0_pubkey(issuer);
  return key != nullptr && X509_verify(certificate, key) == 1;
}

// Pool is every certificate an issuer may be, anchors first.
struct Pool {
  std::vector<OwnedX509> certificates;
  std::vector<Bytes> anchors;
};

Result<Pool> pool_of(const PathQuestion& question) {
  Pool pool;
  for (const Bytes& der : *question.anchors) {
    TRY(OwnedX509 certificate, parse_certificate(der));
    pool.certificates.push_back(std::move(certificate));
    pool.anchors.push_back(der);
  }
  if (question.intermediates == nullptr) return pool;
  for (const Bytes& der : *question.intermediates)  // one that cannot be read is no issuer of anything
    if (Result<OwnedX509> certificate = parse_certificate(der))
      pool.certificates.push_back(*std::move(certificate));
  return pool;
}

enum class Found : std::uint8_t { issuer, none, wrong_signature };

// find_issuer goes by name and signature alone: key identifiers of genuine certificates are not always right.
Found find_issuer(X509* certificate, const Pool& pool, const CertificatePath& path, X509*& issuer) {
  Found found = Found::none;
  for (const OwnedX509& candidate : pool.certificates) {
    if (!same_name(X509_get_subject_name(candidate.get()), X509_get_issuer_name(certificate))) continue;
    bool used = std::ranges::any_of(
        path.certificates, [&](const OwnedX509& one) { return X509_cmp(one.get(), candidate.get()) == 0; });
    if (used) continue;
    if (signed_by(certificate, candidate.get())) {
      issuer = candidate.get();
      return Found::issuer;
    }
    found = Found::wrong_signature;
  }
  return found;
}

// forged_copy: a trusted certificate has the same issuer and number, and an issuer gives a number once. This holds where the issuer
// itself, whose key would tell, is not at hand.
bool forged_copy(X509* certificate, const Pool& pool) {
  for (std::size_t i = 0; i < pool.anchors.size(); i++) {
    X509* anchor = pool.certificates[i].get();
    if (X509_issuer_and_serial_cmp(anchor, certificate) == 0 && X509_cmp(anchor, certificate) != 0) return true;
  }
  return false;
}

Status add_times(X509* certificate, CertificatePath& path) {
  TRY(UnixTime begin, unix_time(X509_get0_notBefore(certificate)));
  TRY(UnixTime end, unix_time(X509_get0_notAfter(certificate)));
  path.not_before = path.certificates.empty() ? begin : std::max(path.not_before, begin);
  path.not_after = path.certificates.empty() ? end : std::min(path.not_after, end);
  return ok();
}

Status append(X509* certificate, const Pool& pool, CertificatePath& path) {
  CHECK_OK(add_times(certificate, path));
  Bytes der = der_of(certificate);
  if (!path.anchor && std::ranges::find(pool.anchors, der) != pool.anchors.end())
    path.anchor = path.certificates.size();
  TRY(OwnedX509 own, parse_certificate(der));
  path.certificates.push_back(std::move(own));
  return ok();
}

std::string who(const X509* certificate) { return "\"" + subject_text(certificate) + "\""; }

Status check_issuer(X509* certificate, std::size_t below) {
  std::uint32_t flags = X509_get_extension_flags(certificate);
  if ((flags & EXFLAG_INVALID) != 0)
    return Error{Errc::malformed, who(certificate) + " has a malformed extension"};
  if (X509_check_ca(certificate) != 1) return Error{Errc::untrusted, who(certificate) + " is no CA"};
  if ((flags & EXFLAG_KUSAGE) != 0 && (X509_get_key_usage(certificate) & KU_KEY_CERT_SIGN) == 0)
    return Error{Errc::untrusted, who(certificate) + " may not sign certificates"};
  if (long length = X509_get_pathlen(certificate); length >= 0 && below > static_cast<std::size_t>(length))
    return Error{Errc::untrusted, who(certificate) + " allows no path of this length below it"};
  return ok();
}

Status check_critical(X509* certificate) {
  for (int i = 0; i < X509_get_ext_count(certificate); i++) {
    X509_EXTENSION* extension = X509_get_ext(certificate, i);
    int nid = OBJ_obj2nid(X509_EXTENSION_get_object(extension));
    bool known = nid == NID_basic_constraints || nid == NID_key_usage || nid == NID_ext_key_usage ||
                 nid == NID_subject_alt_name || nid == NID_certificate_policies ||
                 nid == NID_subject_directory_attributes || nid == NID_authority_key_identifier ||
                 nid == NID_subject_key_identifier || nid == NID_crl_distribution_points ||
                 nid == NID_info_access;
    if (X509_EXTENSION_get_critical(extension) != 0 && !known)
      return Error{Errc::unsupported,
                   who(certificate) + " has a critical extension that is not understood here"};
  }
  return ok();
}

Status check_issuers(const CertificatePath& path, std::size_t last) {
  std::size_t below = 0;  // intermediates that count against a path length
  for (std::size_t i = 0; i <= last; i++) {
    X509* certificate = path.certificates[i].get();
    CHECK_OK(check_critical(certificate));
    if (i == 0) continue;
    CHECK_OK(check_issuer(certificate, below));
    if (!self_issued(certificate)) below++;
  }
  return ok();
}

Status check_times(const CertificatePath& path, UnixTime at, std::size_t last) {
  time_t when = static_cast<time_t>(at);
  for (std::size_t i = 0; i <= last; i++) {
    X509* certificate = path.certificates[i].get();
    if (X509_cmp_time(X509_get0_notBefore(certificate), &when) >= 0)
      return Error{Errc::stale, who(certificate) + " is not valid yet"};
    if (X509_cmp_time(X509_get0_notAfter(certificate), &when) <= 0)
      return Error{Errc::stale, who(certificate) + " has expired"};
  }
  return ok();
}

// judge_algorithms: the anchor's own signature proves nothing and is not looked at.
void judge_algorithms(const CertificatePath& path, std::size_t last, std::string_view id, Findings& out) {
  bool sha1 = false;
  for (std::size_t i = 0; i <= last; i++) {
    X509* certificate = path.certificates[i].get();
    int digest = NID_undef, bits = 0;
    if (i < last && X509_get_signature_info(certificate, &digest, nullptr, &bits, nullptr) == 1) {
      if (digest == NID_md5 || digest == NID_md2 || digest == NID_md4)
        return out.fail(id, who(certificate) + " is signed over MD5 or worse");
      sha1 = sha1 || digest == NID_sha1;
    }
    const EVP_PKEY* key = X509_get0_pubkey(certificate);
    if (i > 0 && key != nullptr && EVP_PKEY_is_a(key, "RSA") && EVP_PKEY_get_bits(key) < 2048)
      return out.fail(id, who(certificate) + " signs with RSA of less than 2048 bits");
  }
  sha1 ? out.warn(id, "a signature of the chain is over SHA-1") : out.pass(id);
}

}  // namespace

Result<CertificatePath> find_path(const PathQuestion& question) {
  ErrorMark mark;
  TRY(Pool pool, pool_of(question));
  TRY(OwnedX509 leaf, parse_certificate(question.leaf_der));
  CertificatePath path;
  for (X509* current = leaf.get(); path.certificates.size() < CertificatePath::kMaxLength;) {
    CHECK_OK(append(current, pool, path));
    if (self_issued(current) && signed_by(current, current)) {
      path.complete = true;
      break;
    }
    X509* issuer = nullptr;
    Found found = find_issuer(current, pool, path, issuer);
    if (found == Found::wrong_signature || (found == Found::none && self_issued(current)))
      path.broken = who(current) + " was not signed by the key of the issuer it names";
    else if (found == Found::none && forged_copy(current, pool))
      path.broken = who(current) + " is not the trusted certificate of its issuer with this number: its signature is of other content";
    if (found != Found::issuer) break;
    current = issuer;
  }
  return path;
}

bool judge_path(const CertificatePath& path, UnixTime at, const PathChecks& checks, Findings& out) {
  ErrorMark mark;
  std::size_t last = path.anchor.value_or(path.certificates.size() - 1);
  bool sound = path.broken.empty() || path.anchor;
  sound ? out.pass(checks.signature) : out.fail(checks.signature, path.broken);
  if (path.anchor)
    out.pass(checks.chain, subject_text(path.certificates[last].get()));
  else
    out.fail(checks.chain, "no trusted certificate is reached", {},
             subject_text(path.certificates.back().get()));
  bool in_time = out.settle(checks.time, check_times(path, at, last));
  bool issuers = out.settle(checks.issuers, check_issuers(path, last));
  std::size_t before = out.checks.size();
  judge_algorithms(path, last, checks.algorithms, out);
  return sound && path.anchor && in_time && issuers && out.checks[before].outcome != Outcome::fail;
}

}  // namespace attest
