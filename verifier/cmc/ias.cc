// ias.cc: Arm PSA tokens (RFC 9783 in its first profile) in a CMC report: a COSE_Sign1 whose claims name the nonce and the
// software that was loaded.
#include <algorithm>

#include "evidence/core/hex.h"
#include "evidence/core/printable.h"
#include "evidence/metadata/jws_alg.h"
#include "verifier/cmc/hardware.h"

namespace attest::cmc {
namespace {

constexpr std::uint8_t kSign1Tag = 0xd2;  // tag 18
constexpr std::int64_t kEs256 = -7;
constexpr std::size_t kMaxComponents = 64;

struct Token {
  Bytes protected_header, payload, signature;
};
struct Software {
  std::string type, version;
  Bytes measurement;
};
struct Claims {
  Bytes nonce;
  std::vector<Software> software;
};

Result<Token> parse_token(View bytes) {
  Token token;
  if (!bytes.empty() && bytes[0] == kSign1Tag) bytes = bytes.subspan(1);
  CborSource in(bytes, false);
  std::size_t at = 0;
  in.array([&] {
    if (at == 1) in.object({}, [](std::size_t) {});
    if (at == 0) token.protected_header = in.bytes();
    if (at == 2) token.payload = in.bytes();
    if (at == 3) token.signature = in.bytes();
    if (at++ > 3) in.fail("more than four parts");
  });
  CHECK_OK(in.done("PSA token"));
  if (at != 4) return Error{Errc::malformed, "PSA token: fewer than four parts"};
  return token;
}

Status check_algorithm(View protected_header) {
  constexpr Field kProtected[] = {{"alg", 1}};
  std::int64_t id = 0;
  CborSource in(protected_header, true);
  in.object(kProtected, [&](std::size_t) { id = in.integer(INT32_MIN, INT32_MAX); });
  CHECK_OK(in.done("PSA token header"));
  if (id == kEs256) return ok();
  return Error{Errc::unsupported, "PSA token: algorithm " + std::to_string(id)};
}

Result<Claims> parse_claims(View payload) {
  constexpr Field kClaims[] = {{"software", -75006}, {"nonce", -75008}};
  constexpr Field kSoftware[] = {{"type", 1}, {"measurement", 2}, {"version", 4}};
  Claims claims;
  CborSource in(payload, false);
  in.object(kClaims, [&](std::size_t i) {
    if (i == 1) {
      claims.nonce = in.bytes();
      return;
    }
    read_list(in, claims.software, kMaxComponents, "components", [&](Software& out) {
      in.object(kSoftware, [&](std::size_t part) {
        if (part == 0) out.type = in.text();
        if (part == 1) out.measurement = in.bytes();
        if (part == 2) out.version = in.text();
      });
    });
  });
  CHECK_OK(in.done("PSA token claims"));
  return claims;
}

void check_token(const Token& token, const Bytes& leaf, Finding& finding) {
  if (auto known = check_algorithm(token.protected_header); !known) return finding.fail(kUnsupportedAlgorithm, known.error().what);
  auto certificate = parse_certificate(leaf);
  if (!certificate) return finding.fail(kParseCert, certificate.error().what);
  cbor::Writer out;
  out.array(4);
  out.text("Signature1");
  out.bytes(token.protected_header);
  out.bytes({});
  out.bytes(token.payload);
  Bytes content = std::move(out).finish();
  Status good = attest::check_signature(*find_jws_alg("ES256"), X509_get0_pubkey(certificate->get()), {content}, token.signature);
  if (!good) finding.fail(kVerifySignature, good.error().what);
}

// check_chain: from the token's key to the last certificate, which the manifests must name.
void check_chain(const Measured& m, Finding& finding) {
  std::vector<Bytes> certs = m.collateral.certs;
  if (certs.empty()) return finding.fail(kParseCert, "no certificates");
  if (!named_root(m.items, certs.back())) return finding.fail(kCaFingerprint, "the manifests name another root than the last certificate");
  auto trust = TrustStore::make({certs.back()});
  if (!trust) return finding.fail(kParseCert, trust.error().what);
  if (certs.size() > 1) certs.pop_back();
  auto chain = trust->verify(certs, ChainRole::fleet_attestation_key, m.question.now);
  if (!chain) finding.fail(kVerifyCertChain, chain.error().what);
}

// judge_software compares what was loaded with the references, both ways.
void judge_software(const Measured& m, const Claims& claims, MeasurementFinding& out) {
  std::vector<bool> met(m.references.size());
  for (const Software& software : claims.software) {
    DigestFinding finding;
    finding.launched = true;
    finding.digest = software.measurement;
    finding.hash_alg = "SHA-256";
    finding.name = printable(software.type, 64);
    finding.version = printable(software.version, 64);
    for (std::size_t i = 0; i < met.size() && !finding.success; i++) {
      const Bytes* due = m.references[i].component->hash(HashAlg::sha256);
      finding.success = !met[i] && due != nullptr && *due == software.measurement;
      if (finding.success) met[i] = true;
    }
    finding.type = finding.success ? "Verified" : "Measurement";
    if (!finding.success) out.summary.fail(kVerifyMeasurement, "software \"" + finding.name + "\" is in no reference");
    out.artifacts.push_back(std::move(finding));
  }
  for (std::size_t i = 0; i < met.size(); i++) {
    const Component& reference = *m.references[i].component;
    if (met[i] || reference.optional) continue;
    DigestFinding finding;
    finding.type = "IAS";
    finding.name = reference.name;
    out.artifacts.push_back(std::move(finding));
    out.summary.fail(kVerifyMeasurement, "\"" + printable(reference.name) + "\" was not loaded");
  }
}

}  // namespace

MeasurementFinding judge_ias_evidence(const Measured& m) {
  MeasurementFinding out;
  out.type = "IAT Result";
  out.signature.certs = m.collateral.certs;
  check_chain(m, out.signature.chain);
  auto token = parse_token(m.evidence.evidence);
  auto claims = token ? parse_claims(token->payload) : Result<Claims>(token.error());
  if (!claims) {
    out.summary.fail(kParseEvidence, claims.error().what);
    return out;
  }
  check_token(*token, m.collateral.certs.empty() ? Bytes() : m.collateral.certs.front(), out.signature.signature);
  out.freshness.compare(to_hex(claims->nonce), to_hex(m.nonce));
  if (!out.freshness.good()) out.freshness.fail(kFreshnessFailed);
  judge_software(m, *claims, out);
  if (m.references.empty()) out.summary.fail(kRefValNotPresent, "the manifests have no reference value for it");
  if (!out.freshness.good() || !out.signature.signature.good() || !out.signature.chain.good())
    out.summary.fail(kVerifyEvidence, "the token is not fresh or not genuine");
  return out;
}

}  // namespace attest::cmc
