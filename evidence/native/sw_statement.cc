#include "evidence/native/sw_statement.h"

#include "evidence/cbor/cbor.h"
#include "evidence/native/p256.h"

namespace attest {
namespace {

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
  auto key = read_p256(anchor.public_key);
  if (!key) return Error{Errc::malformed, "software statement: the key is not a P-256 SubjectPublicKeyInfo"};
  if (auto signature = verify_p256(key->get(), {View(anchor.statement)}, anchor.signature); !signature)
    return Error{signature.error().code, "software statement: the signature does not verify"};
  TRY(SwStatement statement, decode_sw_statement(anchor.statement));
  return SignatureCheck::mint(std::move(statement));
}

}  // namespace attest
