#include "evidence/metadata/jws.h"

#include <functional>

#include "evidence/core/hex.h"
#include "evidence/core/printable.h"
#include "evidence/json/reader.h"
#include "evidence/json/writer.h"
#include "evidence/metadata/jws_alg.h"

namespace attest {
namespace {

constexpr std::size_t kMaxHeaderBytes = 512 << 10;
constexpr std::size_t kMaxSignatureBytes = 512;

// Part is one signature of an item as it stands in the JSON, still base64url.
struct Part {
  std::string protected_text;
  std::string signature_text;
};

struct Envelope {
  std::string_view payload_text;  // lent by the item
  std::vector<Part> parts;
};

// Header is a decoded protected header.
struct Header {
  const JwsAlg* alg = nullptr;
  std::vector<Bytes> chain;
};

// Reading says what becomes of members and headers that nothing here needs.
enum class Reading : std::uint8_t {
  exact,   // they are refused, as nobody who signs for us writes them
  fleets,  // they are passed over, as CMC does, but `crit`; its algorithms alone
};

// within: inner lies in outer, so it lives as long.
bool within(std::string_view inner, View outer) {
  const auto* first = reinterpret_cast<const char*>(outer.data());
  return std::less_equal<>()(first, inner.data()) &&
         std::less_equal<>()(inner.data() + inner.size(), first + outer.size());
}

// read_part_member reads a member of a signature; false if it is none.
bool read_part_member(JsonReader& json, std::string_view key, Part& part) {
  if (key == "protected")
    part.protected_text = json.text();
  else if (key == "signature")
    part.signature_text = json.text();
  else
    return false;
  return true;
}

void foreign(JsonReader& json, Reading reading, const std::string& what) {
  if (reading == Reading::exact) return json.fail(what + " is not allowed");
  json.skip();
}

void read_signatures(JsonReader& json, Reading reading, std::vector<Part>& parts) {
  json.array([&] {
    if (parts.size() == kMaxSigners)
      return json.fail("more than " + std::to_string(kMaxSigners) + " signatures");
    Part& part = parts.emplace_back();
    json.object([&](std::string_view key) {
      if (!read_part_member(json, key, part))
        foreign(json, reading, "signature member \"" + printable(key) + "\"");
    });
  });
}

Result<Envelope> read_envelope(View item, Reading reading) {
  if (item.size() > kMaxMetadataBytes)
    return Error{Errc::malformed, "JWS: more than " + std::to_string(kMaxMetadataBytes) + " bytes"};
  Envelope envelope;
  Part single;
  bool general = false;
  JsonReader json(as_text(item));
  json.object([&](std::string_view key) {
    if (key == "payload") {
      // Base64url needs no escapes; refusing them lets the text be lent instead of copied.
      envelope.payload_text = json.text();
      if (json.good() && !within(envelope.payload_text, item)) json.fail("escapes in the payload");
    } else if (key == "signatures") {
      general = true;
      read_signatures(json, reading, envelope.parts);
    } else if (!read_part_member(json, key, single)) {
      foreign(json, reading, "member \"" + printable(key) + "\"");
    }
  });
  CHECK_OK(json.done("JWS"));
  if (envelope.payload_text.empty()) return Error{Errc::malformed, "JWS: no payload"};
  bool flattened = !single.protected_text.empty() || !single.signature_text.empty();
  if (general && flattened) return Error{Errc::malformed, "JWS: both flattened and general"};
  if (!general) envelope.parts.push_back(std::move(single));
  if (envelope.parts.empty()) return Error{Errc::malformed, "JWS: no signatures"};
  return envelope;
}

// taken: an algorithm of this reading.
bool taken(const JwsAlg* alg, Reading reading) {
  return alg != nullptr && alg->in_jws() && (reading == Reading::exact || !alg->pss);
}

Result<Header> read_header(std::string_view protected_text, Reading reading) {
  TRY(Bytes text, from_base64url(protected_text, kMaxHeaderBytes));
  Header header;
  std::string alg;
  JsonReader json(as_text(text));
  json.object([&](std::string_view key) {
    if (key == "alg") {
      alg = json.text();
    } else if (key == "x5c") {
      json.array([&] {
        if (header.chain.size() == TrustStore::kMaxChain) return json.fail("more than 4 certificates");
        auto der = from_base64(json.text(), kMaxCertificateBytes);
        if (!der) return json.fail("certificate: " + der.error().what);
        header.chain.push_back(*std::move(der));
      });
    } else {
      foreign(json, key == "crit" ? Reading::exact : reading, "header \"" + printable(key) + "\"");
    }
  });
  CHECK_OK(json.done("protected header"));
  header.alg = find_jws_alg(alg);
  if (!taken(header.alg, reading)) return Error{Errc::unsupported, "algorithm \"" + printable(alg, 20) + "\""};
  if (header.chain.empty()) return Error{Errc::malformed, "protected header: no certificates"};
  return header;
}

// verify_part: who made this signature over the payload.
Result<std::string> verify_part(const Part& part, std::string_view payload_text, const TrustStore& roots,
                                UnixTime when) {
  TRY(Header header, read_header(part.protected_text, Reading::exact));
  TRY(Bytes signature, from_base64url(part.signature_text, kMaxSignatureBytes));
  TRY(auto facts, roots.verify(header.chain, ChainRole::metadata_signer, when));
  CHECK_OK(check_signature(*header.alg, facts->key.get(),
                           {as_view(part.protected_text), as_view("."), as_view(payload_text)}, signature));
  return facts->common_name.empty() ? facts->subject : facts->common_name;
}

Result<Part> make_part(const JwsSigner& signer, std::string_view payload_text) {
  const JwsAlg* alg = signer.key == nullptr ? nullptr : jws_alg_for(signer.key);
  if (alg == nullptr) return Error{Errc::unsupported, "JWS: no algorithm for this kind of key (Ed25519 signs COSE alone)"};
  if (signer.chain.empty() || signer.chain.size() > TrustStore::kMaxChain)
    return Error{Errc::malformed, "JWS: a signer needs 1 to 4 certificates"};
  TRY(OwnedX509 leaf, parse_certificate(signer.chain.front()));
  EVP_PKEY* certified = X509_get0_pubkey(leaf.get());
  if (certified == nullptr || EVP_PKEY_eq(certified, signer.key) != 1)
    return Error{Errc::mismatch, "JWS: the key is not the one of \"" + subject_text(leaf.get()) + "\""};
  JsonWriter header;
  header.object().field("alg", alg->name).key("x5c").array();
  for (const Bytes& der : signer.chain) header.text(to_base64(der));
  header.end_array().end_object();
  Part part;
  part.protected_text = to_base64url(as_view(header.so_far()));
  TRY(Bytes signature,
      make_signature(*alg, signer.key, {as_view(part.protected_text), as_view("."), as_view(payload_text)}));
  part.signature_text = to_base64url(signature);
  return part;
}

}  // namespace

Result<Verified<SignedContent>> verify_jws(View item, const TrustStore& roots, UnixTime when) {
  TRY(Envelope envelope, read_envelope(item, Reading::exact));
  SignedContent content;
  for (std::size_t i = 0; i < envelope.parts.size(); i++) {
    auto signer = verify_part(envelope.parts[i], envelope.payload_text, roots, when);
    if (!signer)
      return Error{signer.error().code,
                   "JWS signature " + std::to_string(i + 1) + ": " + signer.error().what};
    content.signers.push_back(*std::move(signer));
  }
  TRY(content.payload, from_base64url(envelope.payload_text, kMaxMetadataBytes));
  return SignatureCheck::mint(std::move(content));
}

ChainJudge signers_of(const TrustStore& roots, UnixTime when) {
  return [&roots, when](const std::vector<Bytes>& chain) -> Result<ChainFact> {
    TRY(auto facts, roots.verify(chain, ChainRole::metadata_signer, when));
    return std::make_shared<const Verified<ChainFacts>>(std::move(facts));
  };
}

SignatureOutcome examine_signature(const JwsAlg& alg, std::vector<Bytes> chain, std::initializer_list<View> parts,
                                   View signature, const ChainJudge& judge, Suited suited) {
  SignatureOutcome out;
  out.chain = std::move(chain);
  Result<ChainFact> fact = judge(out.chain);
  OwnedX509 leaf;  // of a chain that is not good: its signature is judged all the same
  EVP_PKEY* key = nullptr;
  if (fact) {
    const ChainFacts& facts = ***fact;
    out.root = facts.root;
    out.not_after = facts.not_after;
    key = facts.key.get();
  } else {
    out.chain_error = fact.error();
    auto parsed = out.chain.empty() ? Result<OwnedX509>(Error{Errc::malformed, "no certificate"})
                                    : parse_certificate(out.chain.front());
    if (parsed) leaf = *std::move(parsed);
    key = leaf ? X509_get0_pubkey(leaf.get()) : nullptr;
  }
  if (key == nullptr) {
    out.signature_error = Error{Errc::untrusted, "no readable key"};
  } else if (auto checked = check_signature(suited(alg, key), key, parts, signature); !checked) {
    out.signature_error = checked.error();
  }
  return out;
}

Result<Examined> examine_jws(View item, const TrustStore& roots, UnixTime when) { return examine_jws(item, signers_of(roots, when)); }

Result<Examined> examine_jws(View item, const ChainJudge& judge) {
  TRY(Envelope envelope, read_envelope(item, Reading::fleets));
  Examined out;
  TRY(out.decoded, from_base64url(envelope.payload_text, kMaxMetadataBytes));
  out.payload = out.decoded;
  for (const Part& part : envelope.parts) {
    TRY(Header header, read_header(part.protected_text, Reading::fleets));
    TRY(Bytes signature, from_base64url(part.signature_text, kMaxSignatureBytes));
    out.signatures.push_back(examine_signature(*header.alg, std::move(header.chain),
                                               {as_view(part.protected_text), as_view("."), as_view(envelope.payload_text)},
                                               signature, judge));
  }
  return out;
}

Result<std::string> sign_jws(View payload, std::span<const JwsSigner> signers) {
  if (signers.empty() || signers.size() > kMaxSigners)
    return Error{Errc::malformed, "JWS: 1 to " + std::to_string(kMaxSigners) + " signers are possible"};
  std::string payload_text = to_base64url(payload);
  JsonWriter json;
  json.object().field("payload", payload_text);
  if (signers.size() > 1) json.key("signatures").array();
  for (const JwsSigner& signer : signers) {
    TRY(Part part, make_part(signer, payload_text));
    if (signers.size() > 1) json.object();
    json.field("protected", part.protected_text).field("signature", part.signature_text);
    if (signers.size() > 1) json.end_object();
  }
  if (signers.size() > 1) json.end_array();
  return std::move(json.end_object()).finish();
}

Result<Bytes> unverified_payload(View item) {
  TRY(Envelope envelope, read_envelope(item, Reading::fleets));
  return from_base64url(envelope.payload_text, kMaxMetadataBytes);
}

}  // namespace attest
