#include "evidence/native/sw_statement.h"

#include "evidence/cbor/cbor.h"
#include "evidence/core/crypto.h"

namespace attest {
namespace {

// read_key takes exactly one SubjectPublicKeyInfo on P-256; null otherwise.
OwnedPkey read_key(View spki_der) {
  const unsigned char* at = spki_der.data();
  OwnedPkey key(d2i_PUBKEY_ex(nullptr, &at, static_cast<long>(spki_der.size()), private_libctx(), nullptr));
  if (!key || at != spki_der.data() + spki_der.size()) return nullptr;
  char group[32] = {};
  std::size_t size = 0;
  if (EVP_PKEY_is_a(key.get(), "EC") != 1 || EVP_PKEY_get_group_name(key.get(), group, sizeof group, &size) != 1)
    return nullptr;
  return std::string_view(group, size) == "prime256v1" ? std::move(key) : nullptr;
}

SwMeasurement read_measurement(cbor::Reader& in) {
  SwMeasurement m;
  if (in.array(2) != 2) in.fail("measurement is not a pair");
  m.name = in.text(SwStatement::kMaxText);
  m.digest = Digest::of(in.bytes(32, 32));
  if (m.name.empty()) in.fail("measurement without a name");
  return m;
}

}  // namespace

Result<Bytes> encode_sw_statement(const SwStatement& s) {
  bool fits = s.qualifying.size() == 32 && s.host.size() <= SwStatement::kMaxText &&
              s.measurements.size() <= SwStatement::kMaxMeasurements;
  for (const SwMeasurement& m : s.measurements)
    fits = fits && !m.name.empty() && m.name.size() <= SwStatement::kMaxText && m.digest.size() == 32;
  if (!fits) return Error{Errc::denied, "software statement: a text, a digest or the number of measurements is out of bounds"};
  cbor::Writer out;
  out.map(3);
  out.uint(0), out.bytes(s.qualifying.view());
  out.uint(1), out.text(s.host);
  out.uint(2), out.array(s.measurements.size());
  for (const SwMeasurement& m : s.measurements) out.array(2), out.text(m.name), out.bytes(m.digest.view());
  return std::move(out).finish();
}

Result<SwStatement> decode_sw_statement(View bytes) {
  cbor::Reader in(bytes);
  SwStatement s;
  if (in.map(3) != 3 || in.key(-1) != 0) in.fail("not a map of three");
  s.qualifying = Digest::of(in.bytes(32, 32));
  if (in.key(0) != 1) in.fail("host name is absent");
  s.host = in.text(SwStatement::kMaxText);
  if (in.key(1) != 2) in.fail("measurements are absent");
  for (std::size_t n = in.array(SwStatement::kMaxMeasurements); n > 0 && in.good(); n--)
    s.measurements.push_back(read_measurement(in));
  CHECK_OK(in.done("software statement"));
  return s;
}

Digest sw_identity(View spki_der) { return sha256(spki_der); }

Result<Verified<SwStatement>> verify_sw_anchor(const SwAnchor& anchor) {
  OwnedPkey key = read_key(anchor.public_key);
  if (!key) return Error{Errc::malformed, "software statement: the key is not a P-256 SubjectPublicKeyInfo"};
  OwnedMdCtx ctx(EVP_MD_CTX_new());
  if (!ctx || EVP_DigestVerifyInit_ex(ctx.get(), nullptr, "SHA256", private_libctx(), nullptr, key.get(), nullptr) != 1)
    return Error{Errc::io, "software statement: OpenSSL cannot set up the verification"};
  if (EVP_DigestVerify(ctx.get(), anchor.signature.data(), anchor.signature.size(), anchor.statement.data(),
                       anchor.statement.size()) != 1)
    return Error{Errc::untrusted, "software statement: the signature does not verify"};
  TRY(SwStatement statement, decode_sw_statement(anchor.statement));
  return SignatureCheck::mint(std::move(statement));
}

}  // namespace attest
