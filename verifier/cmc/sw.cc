// sw.cc: the evidence of CMC's software driver: a signed statement about containers. It proves nothing about hardware.
#include <openssl/pem.h>

#include <algorithm>

#include "evidence/container/config.h"
#include "evidence/core/crypto.h"
#include "evidence/core/error_mark.h"
#include "evidence/core/hex.h"
#include "evidence/core/printable.h"
#include "evidence/metadata/jws_alg.h"
#include "verifier/cmc/steps.h"

namespace attest::cmc {
namespace {

struct Statement {
  Bytes nonce, aggregate;
};

Result<OwnedPkey> statement_key(View pem) {
  ErrorMark mark;
  OwnedBio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(std::min<std::size_t>(pem.size(), 65536))));
  OwnedPkey key(bio ? PEM_read_bio_PUBKEY_ex(bio.get(), nullptr, nullptr, nullptr, private_libctx(), nullptr) : nullptr);
  if (!key) return Error{Errc::malformed, "no public key in the collateral"};
  return key;
}

enum : std::size_t { kJwsPayload, kJwsProtected, kJwsSignature };
using JwsParts = std::array<std::string, 3>;

// split_jws takes a JWS apart, flattened as the driver writes it or in its compact form.
Result<JwsParts> split_jws(View jws) {
  constexpr Field kJws[] = {{"payload", 0}, {"protected", 1}, {"signature", 2}};
  JwsParts parts;
  std::string_view text = as_text(jws);
  std::size_t first = text.find('.'), last = text.rfind('.');
  if (!text.starts_with('{') && first != last) {
    parts = {std::string(text.substr(first + 1, last - first - 1)), std::string(text.substr(0, first)), std::string(text.substr(last + 1))};
    return parts;
  }
  JsonSource in(text);
  in.object(kJws, [&](std::size_t i) { parts[i] = in.text(); });
  CHECK_OK(in.done("software evidence"));
  return parts;
}

// verify_statement checks the JWS with the key of the collateral.
Result<Statement> verify_statement(View jws, EVP_PKEY* key) {
  constexpr Field kPayload[] = {{"nonce", 0}, {"sha256", 1}};
  TRY(JwsParts parts, split_jws(jws));
  TRY(Bytes header, from_base64url(parts[kJwsProtected], 4096));
  std::string alg;
  constexpr Field kHeader[] = {{"alg", 0}};
  JsonSource head(as_text(header));
  head.object(kHeader, [&](std::size_t) { alg = head.text(); });
  CHECK_OK(head.done("software evidence"));
  const JwsAlg* row = alg == "ES256" ? find_jws_alg(alg) : nullptr;
  if (row == nullptr) return Error{Errc::unsupported, "software evidence: algorithm \"" + printable(alg, 20) + "\""};
  TRY(Bytes signature, from_base64url(parts[kJwsSignature], 512));
  CHECK_OK(attest::check_signature(*row, key, {as_view(parts[kJwsProtected]), as_view("."), as_view(parts[kJwsPayload])}, signature));
  TRY(Bytes payload, from_base64url(parts[kJwsPayload], 65536));
  Statement out;
  JsonSource body(as_text(payload));
  body.object(kPayload, [&](std::size_t i) { (i == 0 ? out.nonce : out.aggregate) = body.bytes(); });
  CHECK_OK(body.done("software evidence"));
  return out;
}

DigestFinding describe(const Component& component, std::int64_t index, View digest) {
  DigestFinding finding;
  finding.name = component.name;
  finding.index = index;
  finding.digest = to_bytes(digest);
  finding.hash_alg = "SHA-256";
  finding.description = component.description;
  return finding;
}

// show_container shows what an unexpected container is, without the values of its variables.
void show_container(const Component& event, DigestFinding& out) {
  if (!event.ctr) return;
  out.ctr = *event.ctr;
  if (out.ctr->oci_spec) container::redact_environment(*out.ctr->oci_spec);
}

// Containers are the references of a judgement, and which of them were met.
struct Containers {
  explicit Containers(const std::vector<Reference>& references) : by_rootfs(references), met(references.size()) {}
  ContainerReferences by_rootfs;
  std::vector<bool> met;
};

void judge_event(const Component& event, std::int64_t index, Digest& aggregate, Containers& containers, MeasurementFinding& out) {
  const Bytes* digest = event.hash(HashAlg::sha256);
  DigestFinding finding = describe(event, index, digest != nullptr ? View(*digest) : View());
  finding.launched = true;
  finding.type = "Measurement";
  bool genuine = digest != nullptr && genuine_container(event, *digest);
  if (auto at = genuine ? containers.by_rootfs.find(event) : std::nullopt) {
    containers.met[*at] = true;
    finding.success = true;
    finding.type = "Verified";
  }
  if (!finding.success) show_container(event, finding);
  if (!finding.success) out.summary.fail("container \"" + printable(event.name) + "\" has no reference");
  aggregate = sha256({aggregate.view(), digest != nullptr ? View(*digest) : View()});
  out.artifacts.push_back(std::move(finding));
}

void judge_containers(const Measured& m, const Statement& statement, MeasurementFinding& out) {
  Digest aggregate = Digest::filled(HashAlg::sha256, 0);
  Containers containers(m.references);
  bool any = false;
  for (const Artifact& artifact : m.collateral.artifacts) {
    if (artifact.type != kSwEventlog) out.summary.fail("an artifact of type \"" + printable(artifact.type, 40) + "\"");
    for (const Component& event : artifact.events) {
      judge_event(event, artifact.index, aggregate, containers, out);
      any = true;
    }
  }
  for (std::size_t i = 0; i < containers.met.size(); i++) {
    const Component& reference = *m.references[i].component;
    if (containers.met[i]) continue;
    const Bytes* digest = reference.hash(HashAlg::sha256);
    DigestFinding finding = describe(reference, 0, digest != nullptr ? View(*digest) : View());
    finding.type = "SW";
    finding.success = reference.optional;
    out.artifacts.push_back(std::move(finding));
    if (!reference.optional) out.summary.fail("container \"" + printable(reference.name) + "\" was not started");
  }
  bool none = statement.aggregate.empty() && !any;
  if (!none && !equal(aggregate.view(), statement.aggregate))
    out.summary.fail(kVerifyAggregatedSwHash, "the signed sum is not that of the containers");
}

}  // namespace

MeasurementFinding judge_sw(const Measured& m) {
  MeasurementFinding out;
  out.type = "SW Result";
  auto key = statement_key(m.collateral.key);
  if (!key) {
    out.summary.fail(kParseKey, key.error().what);
    return out;
  }
  auto statement = verify_statement(m.evidence.evidence, key->get());
  if (!statement) {
    out.signature.signature.fail(kVerifySignature, statement.error().what);
    out.summary.fail(kVerifyEvidence, statement.error().what);
    return out;
  }
  out.freshness.got = to_hex(statement->nonce);
  if (!equal(statement->nonce, m.nonce)) {
    out.freshness.expected = to_hex(m.nonce);
    out.freshness.fail(kFreshnessFailed);
    out.summary.fail("the statement does not cover this report's context");
  }
  judge_containers(m, *statement, out);
  return out;
}

}  // namespace attest::cmc
