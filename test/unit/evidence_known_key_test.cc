#include "evidence/native/known_key.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "evidence/core/hex.h"
#include "evidence/native/message.h"
#include "evidence/native/request.h"
#include "test/support/testdata.h"

namespace attest {
namespace {

Digest digest(std::uint8_t fill) { return Digest::filled(HashAlg::sha256, fill); }

ReportContext context_of(const Digest& key, FreshnessMode mode = FreshnessMode::known_key) {
  ReportContext c;
  c.freshness = mode;
  c.service = "nginx";
  c.anchors = {{AnchorKind::sw, Bytes(32, 1)}};
  c.metadata = {digest(2)};
  c.known_key = key;
  if (mode == FreshnessMode::epoch_id) c.epoch_id = digest(8);
  return c;
}

P256Key make_key() {
  auto key = P256Key::make();
  EXPECT_TRUE(key) << key.error().what;
  if (!key) std::abort();
  return *std::move(key);
}

EpochId epoch_of(UnixTime time, std::uint64_t sequence) {
  EpochId epoch{time, sequence, {}};
  epoch.random.fill(9);
  return epoch;
}

TEST(KnownKey, SignsOneEvidenceHash) {
  P256Key key = make_key();
  auto proof = prove_key(key, digest(1));
  ASSERT_TRUE(proof) << proof.error().what;
  EXPECT_TRUE(verify_key_proof(*proof, key.name(), digest(1)));
  EXPECT_EQ(verify_key_proof(*proof, key.name(), digest(2)).error().code, Errc::untrusted);
  EXPECT_EQ(verify_key_proof(*proof, digest(3), digest(1)).error().code, Errc::mismatch);
  EXPECT_FALSE(verify_key_proof(*proof, Digest(), digest(1)));
  P256Key other = make_key();
  KeyProof stolen{other.spki_der(), proof->signature};
  EXPECT_EQ(verify_key_proof(stolen, other.name(), digest(1)).error().code, Errc::untrusted);
  for (std::size_t i = 0; i < proof->signature.size(); i += 7) {
    KeyProof bent = *proof;
    bent.signature[i] ^= 1;
    EXPECT_FALSE(verify_key_proof(bent, key.name(), digest(1))) << i;
  }
  EXPECT_FALSE(prove_key(key, Digest()));
}

// The label is what keeps a signature over an Epoch ID, or a statement, from being one for a handshake.
TEST(KnownKey, HasALabelOfItsOwn) {
  P256Key key = make_key();
  Digest hash = digest(1);
  auto bare = key.sign({hash.view()});
  ASSERT_TRUE(bare);
  EXPECT_FALSE(verify_key_proof({key.spki_der(), *bare}, key.name(), hash));
}

TEST(KnownKey, IsReadInOneFormAlone) {
  P256Key key = make_key();
  EXPECT_EQ(key.spki_der().size(), 91U);
  EXPECT_TRUE(read_p256(key.spki_der()));
  for (std::size_t i = 0; i < 27; i++) {
    Bytes bent = key.spki_der();
    bent[i] ^= 1;
    EXPECT_FALSE(read_p256(bent)) << i;
  }
  Bytes off_curve = key.spki_der();
  off_curve.back() ^= 1;
  EXPECT_FALSE(read_p256(off_curve));
  Bytes longer = key.spki_der();
  longer.push_back(0);
  EXPECT_FALSE(read_p256(longer));
  EXPECT_FALSE(read_p256(View(key.spki_der()).first(90)));
}

TEST(KnownKey, IsQuotedForTheMachineAndNotForAHandshake) {
  ReportContext server = context_of(digest(7)), client = server, other = server;
  client.role = Role::client;
  client.service = "psql";
  other.metadata = {digest(3)};
  EXPECT_EQ(*key_context(server), *key_context(client));
  EXPECT_NE(*key_context(server), *key_context(other));
  EXPECT_NE(key_hash(*key_context(server)), evidence_hash(digest(1), *key_context(server)));
}

TEST(KnownKey, HintsDependOnTheNonce) {
  Nonce a{}, b{};
  b[0] = 1;
  EXPECT_EQ(key_hint(a, digest(1)).size(), kKeyHint);
  EXPECT_NE(key_hint(a, digest(1)), key_hint(b, digest(1)));
  EXPECT_NE(key_hint(a, digest(1)), key_hint(a, digest(2)));
}

TEST(KnownKey, TravelsInARequest) {
  Request request;
  request.max_age_s = 30;
  request.known_keys = {Bytes(kKeyHint, 1), Bytes(kKeyHint, 2)};
  request.distributors = {Bytes(kKeyHint, 3)};
  Bytes bytes = *encode_request(request);
  auto back = decode_request(bytes);
  ASSERT_TRUE(back) << back.error().what;
  EXPECT_EQ(back->known_keys, request.known_keys);
  EXPECT_EQ(back->distributors, request.distributors);
  EXPECT_EQ(*encode_request(*back), bytes);
  for (std::size_t n = 34; n < bytes.size(); n++) EXPECT_FALSE(decode_request(View(bytes).first(n))) << n;
  bytes.push_back(0);
  EXPECT_FALSE(decode_request(bytes));
  request.max_age_s = 0;
  EXPECT_FALSE(decode_request(*encode_request(request))) << "a request for a new quote names no old keys";
  request.max_age_s = 30;
  request.known_keys.assign(kMaxKnownKeys + 1, Bytes(kKeyHint, 1));
  EXPECT_FALSE(encode_request(request));
  request.known_keys = {Bytes(kKeyHint - 1, 1)};
  EXPECT_FALSE(decode_request(*encode_request(request)));
}

TEST(KnownKey, TravelsInAMessage) {
  Evidence e;
  e.context = *encode_context(context_of(digest(7)));
  e.key = KeyProof{Bytes(91, 1), Bytes(70, 2)};
  Bytes bytes = *encode_evidence(e);
  EXPECT_LT(bytes.size(), 400U) << "no quote, no log";
  auto back = decode_evidence(bytes);
  ASSERT_TRUE(back) << back.error().what;
  EXPECT_TRUE(back->anchors.empty());
  EXPECT_EQ(*encode_evidence(*back), bytes);
  for (std::size_t n = 0; n < bytes.size(); n++) EXPECT_FALSE(decode_evidence(View(bytes).first(n))) << n;
  bytes.push_back(0);
  EXPECT_FALSE(decode_evidence(bytes));
}

TEST(KnownKey, MessagesThatAreNeitherOneThingNorTheOther) {
  Evidence none;
  none.context = *encode_context(context_of(digest(7)));
  EXPECT_FALSE(decode_evidence(*encode_evidence(none))) << "neither quote nor key";
  Evidence items = none;
  items.key = KeyProof{Bytes(91, 1), Bytes(70, 2)};
  items.metadata = {Bytes(10, 1)};
  EXPECT_FALSE(decode_evidence(*encode_evidence(items))) << "metadata without a quote";
  Evidence epoch = none;
  epoch.anchors = {SwAnchor{Bytes(1, 1), Bytes(1, 1), Bytes(1, 1)}};
  epoch.epoch = SignedEpochId{Bytes(40, 1), Bytes(70, 1)};
  EXPECT_FALSE(decode_evidence(*encode_evidence(epoch))) << "an Epoch ID without a key";
}

TEST(KnownKey, ContextsSayWhatTheyRestOn) {
  ReportContext nonce = context_of(digest(7), FreshnessMode::nonce);
  EXPECT_TRUE(decode_context(*encode_context(nonce))) << "a quote over a nonce may vouch for a key";
  nonce.epoch_id = digest(1);
  EXPECT_FALSE(decode_context(*encode_context(nonce)));
  EXPECT_FALSE(decode_context(*encode_context(context_of(Digest()))));
  EXPECT_FALSE(decode_context(*encode_context(context_of(Digest(), FreshnessMode::epoch_id))));
  ReportContext known = context_of(digest(7));
  known.epoch_id = digest(1);
  EXPECT_FALSE(decode_context(*encode_context(known)));
}

TEST(EpochIds, AreSignedByTheirDistributor) {
  OwnedPkey key(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256")),
      other(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256"));
  auto made = sign_epoch(epoch_of(1800000000, 42), key.get());
  ASSERT_TRUE(made) << made.error().what;
  auto read = verify_epoch(*made, key.get());
  ASSERT_TRUE(read) << read.error().what;
  EXPECT_EQ((*read)->time, 1800000000);
  EXPECT_EQ((*read)->sequence, 42U);
  EXPECT_EQ((*read)->random[31], 9);
  EXPECT_EQ(verify_epoch(*made, other.get()).error().code, Errc::untrusted);
  for (std::size_t i = 0; i < made->epoch.size(); i++) {
    SignedEpochId bent = *made;
    bent.epoch[i] ^= 1;
    EXPECT_EQ(verify_epoch(bent, key.get()).error().code, Errc::untrusted) << i;
  }
  EXPECT_FALSE(sign_epoch(epoch_of(-1, 1), key.get()));
}

TEST(EpochIds, LieInAFile) {
  OwnedPkey key(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256"));
  Bytes bytes = *encode_signed_epoch(*sign_epoch(epoch_of(1800000000, 1), key.get()));
  EXPECT_LT(bytes.size(), kMaxEpochBytes);
  auto back = decode_signed_epoch(bytes);
  ASSERT_TRUE(back) << back.error().what;
  EXPECT_TRUE(verify_epoch(*back, key.get()));
  for (std::size_t n = 0; n < bytes.size(); n++) EXPECT_FALSE(decode_signed_epoch(View(bytes).first(n))) << n;
  bytes.push_back(0);
  EXPECT_FALSE(decode_signed_epoch(bytes));
}

TEST(EpochIds, OfAnotherFormAreRefusedWhoeverSignedThem) {
  OwnedPkey key(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256"));
  SignedEpochId made = *sign_epoch(epoch_of(1800000000, 1), key.get());
  made.epoch.push_back(0);
  made.signature = *sign_p256(key.get(), {as_view("attest/1 epoch-id"), made.epoch});
  EXPECT_EQ(verify_epoch(made, key.get()).error().code, Errc::malformed);
}

// The vectors come from test/fixtures/vectors/make_native.py, an implementation of docs/PROTOCOL.md of its own.
TEST(KnownKey, AgreesWithTheVectors) {
  auto file = test::read_file(test::fixture("vectors/native.json"));
  ASSERT_TRUE(file);
  auto v = nlohmann::json::parse(as_text(*file));
  auto bytes = [&](const char* name) { return *from_hex(v.at(name).get<std::string>(), 4096); };
  auto context = decode_context(bytes("keyed_context"));
  ASSERT_TRUE(context) << context.error().what;
  EXPECT_EQ(*key_context(*context), bytes("key_context"));
  EXPECT_EQ(to_bytes(key_hash(bytes("key_context")).view()), bytes("key_hash"));
  auto request = decode_request(bytes("keyed_request"));
  ASSERT_TRUE(request) << request.error().what;
  EXPECT_EQ(request->known_keys, (std::vector<Bytes>{key_hint(request->header.nonce, context->known_key)}));
  for (const char* name : {"known_key_evidence", "epoch_evidence"}) {
    auto evidence = decode_evidence(bytes(name));
    ASSERT_TRUE(evidence) << name << ": " << evidence.error().what;
    EXPECT_EQ(sha256(View(evidence->key->spki_der)), context->known_key);
    EXPECT_EQ(*encode_evidence(*evidence), bytes(name));
  }
  auto by_epoch = decode_evidence(bytes("epoch_evidence"));
  EXPECT_EQ(by_epoch->epoch->epoch, bytes("epoch_id"));
  EXPECT_EQ(epoch_digest(*by_epoch->epoch), context->epoch_id);
}

}  // namespace
}  // namespace attest
