// Evidence that rests on an earlier quote: short-lived keys and Epoch IDs, and what an attacker may try with
// them.
#include <gtest/gtest.h>

#include "evidence/core/hex.h"
#include "test/support/evidence_maker.h"

namespace attest {
namespace {

using namespace attest::test;

template <class T>
T must(Result<T> result) {
  EXPECT_TRUE(result) << (result ? "" : result.error().what);
  if (!result) std::abort();
  return *std::move(result);
}

OwnedPkey new_distributor() { return OwnedPkey(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256")); }

SignedEpochId epoch_of(UnixTime time, std::uint64_t sequence, EVP_PKEY* distributor) {
  EpochId epoch{time, sequence, {}};
  epoch.random.fill(static_cast<std::uint8_t>(sequence));
  return must(sign_epoch(epoch, distributor));
}

// Scene is a verifier that accepts quotes of 60 s, a machine with a key K, and what the verifier remembers.
class Freshness : public testing::Test {
 protected:
  Freshness() {
    world_.policy.max_age_s = 60;
    Bytes spki = must(write_p256(distributor_.get()));
    world_.policy.distributors = {{sha256(View(spki)), spki}};
  }
  // first is the handshake in which the quote answers our nonce and vouches for K.
  Appraisal first(const P256Key& key) {
    world_.machine.tamper_context = [&](ReportContext& c) { c.known_key = key.name(); };
    Appraisal met = world_.judge();
    world_.machine.tamper_context = {};
    return met;
  }
  void learn(const P256Key& key) {
    Appraisal met = first(key);
    EXPECT_EQ(name_of(met), "");
    ASSERT_TRUE(met.quoted);
    known_ = {{met.quoted, 10000}};
  }
  ReportContext context(const P256Key& key, FreshnessMode mode) {
    ReportContext c = context_of(world_.machine);
    c.freshness = mode;
    c.known_key = key.name();
    return c;
  }
  // by_key is evidence that K signs for this handshake.
  Evidence by_key(const P256Key& key, const ReportContext& c) {
    Evidence e;
    e.context = must(encode_context(c));
    e.key = must(prove_key(key, evidence_hash(world_.binder(), e.context)));
    return e;
  }
  Evidence by_key(const P256Key& key) { return by_key(key, context(key, FreshnessMode::known_key)); }
  // by_epoch quotes K with an Epoch ID and signs for this handshake.
  Evidence by_epoch(const P256Key& key, const SignedEpochId& epoch) {
    ReportContext c = context(key, FreshnessMode::epoch_id);
    c.epoch_id = epoch_digest(epoch);
    Evidence e = by_key(key, c);
    MerkleTree batch = must(MerkleTree::make({key_hash(must(key_context(c)))}));
    e.path = batch.path(0);
    e.anchors = {tpm_anchor(world_.machine, batch_qualifying_data(batch.root()))};
    e.epoch = epoch;
    return e;
  }
  Appraisal judge(const Evidence& evidence) { return judge(evidence, world_.policy); }
  Appraisal judge(const Evidence& evidence, const Policy& policy) {
    Bytes bytes = must(encode_evidence(evidence));
    Question q;
    q.evidence = bytes;
    q.prover = world_.inputs.prover;
    q.binder = world_.binder();
    q.peer = world_.peer;
    q.now = world_.now;
    q.built = built_;
    q.known = known_;
    q.epochs = seen_;
    return appraise(q, policy, world_.active);
  }
  void another_handshake() { world_.inputs.server_random[0] ^= 0xff; }
  World world_;
  P256Key key_ = must(P256Key::make());
  OwnedPkey distributor_ = new_distributor();
  std::vector<KnownKey> known_;
  std::vector<EpochSeen> seen_;
  UnixTime built_ = kTestNow - 86400;
};

TEST_F(Freshness, AKnownKeyAnswersLaterHandshakes) {
  learn(key_);
  for (int i = 0; i < 3; i++) {
    another_handshake();
    Appraisal met = judge(by_key(key_));
    EXPECT_EQ(name_of(met), "");
    EXPECT_EQ(met.freshness, FreshnessMode::known_key);
    EXPECT_EQ(met.age_s, 10);
    EXPECT_EQ(met.image.substr(0, 10), "web-server");
    EXPECT_FALSE(met.quoted) << "a handshake signed by K never renews it";
  }
}

TEST_F(Freshness, AKeyCountsFromTheNonceItsQuoteAnswered) {
  learn(key_);
  known_[0].age_ms = 60000;
  EXPECT_EQ(name_of(judge(by_key(key_))), "");
  known_[0].age_ms = 60001;
  EXPECT_EQ(name_of(judge(by_key(key_))), "freshness.key-expired");
  known_[0].age_ms = -1;
  EXPECT_EQ(name_of(judge(by_key(key_))), "freshness.key-expired");
}

TEST_F(Freshness, AKeyThatAnsweredSomebodyElsesNonceIsUnknown) {
  P256Key stolen = must(P256Key::make());
  learn(key_);
  EXPECT_EQ(name_of(judge(by_key(stolen))), "freshness.key-unknown");
  known_.clear();
  EXPECT_EQ(name_of(judge(by_key(key_))), "freshness.key-unknown");
}

TEST_F(Freshness, AKeySignsForOneHandshake) {
  learn(key_);
  Evidence evidence = by_key(key_);
  another_handshake();
  EXPECT_EQ(name_of(judge(evidence)), "freshness.key-signature");
  P256Key other = must(P256Key::make());
  Evidence forged = by_key(key_);
  forged.key = must(prove_key(other, evidence_hash(world_.binder(), forged.context)));
  EXPECT_EQ(name_of(judge(forged)), "freshness.key-signature");
}

TEST_F(Freshness, AKeyStandsForTheMachineItWasQuotedOn) {
  learn(key_);
  ReportContext c = context(key_, FreshnessMode::known_key);
  c.anchors = {{AnchorKind::tpm, Bytes(34, 1)}};
  EXPECT_EQ(name_of(judge(by_key(key_, c))), "evidence.inconsistent");
  c = context(key_, FreshnessMode::known_key);
  c.metadata.pop_back();
  EXPECT_EQ(name_of(judge(by_key(key_, c))), "evidence.inconsistent");
  c = context(key_, FreshnessMode::known_key);
  c.pcrs->pcrs.pop_back();
  EXPECT_EQ(name_of(judge(by_key(key_, c))), "evidence.inconsistent");
}

// A key that leaked ends with its window, though a machine of the thief's, accepted or not, has its TPM quote it again.
TEST_F(Freshness, AStolenKeyIsRenewedByNoOtherMachine) {
  learn(key_);
  known_[0].age_ms = 60001;
  KnownKey expired = known_[0];
  ReportContext of_victim = context(key_, FreshnessMode::known_key);
  world_.machine.ak = make_ak();
  another_handshake();
  Appraisal requoted = first(key_);
  EXPECT_EQ(name_of(requoted), "ak.untrusted");
  EXPECT_FALSE(requoted.quoted);
  world_.rule().ak_names.push_back(to_hex(world_.machine.ak.name()));
  requoted = first(key_);
  ASSERT_TRUE(requoted.quoted);
  known_ = {expired, {requoted.quoted, 10}};
  EXPECT_EQ(name_of(judge(by_key(key_, of_victim))), "freshness.key-expired");
  known_ = {{requoted.quoted, 10}, expired};
  EXPECT_EQ(name_of(judge(by_key(key_, of_victim))), "evidence.inconsistent");
}

TEST_F(Freshness, TheServiceLabelIsThatOfEachHandshake) {
  learn(key_);
  world_.rule().services = {"nginx"};
  EXPECT_EQ(name_of(judge(by_key(key_))), "");
  ReportContext c = context(key_, FreshnessMode::known_key);
  c.service = "www-data";
  EXPECT_EQ(name_of(judge(by_key(key_, c))), "peer.service-not-allowed");
  c.role = Role::client;
  EXPECT_EQ(name_of(judge(by_key(key_, c))), "evidence.wrong-role");
}

TEST_F(Freshness, ADeniedKeyIsRefusedAtOnce) {
  learn(key_);
  world_.policy.denied_aks = world_.rule().ak_names;
  EXPECT_EQ(name_of(judge(by_key(key_))), "ak.denied");
}

TEST_F(Freshness, EveryHandshakeIsJudgedUnderThePolicyOfNow) {
  learn(key_);  // under a policy that asks for little
  Policy strict = world_.policy;
  strict.required_pcrs.push_back(14);
  EXPECT_EQ(name_of(judge(by_key(key_), strict)), "quote.pcr-selection");
  strict = world_.policy;
  strict.peers[0].ak_names = {std::string(68, 'a')};
  EXPECT_EQ(name_of(judge(by_key(key_), strict)), "ak.untrusted");
  strict = world_.policy;
  strict.peers[0].image_descriptions = {"db-server"};
  EXPECT_EQ(name_of(judge(by_key(key_), strict)), "peer.image-not-allowed");
  strict = world_.policy;
  strict.max_age_s = 0;
  EXPECT_EQ(name_of(judge(by_key(key_), strict)), "freshness.mode");
  strict = world_.policy;
  strict.max_age_s = 9;
  EXPECT_EQ(name_of(judge(by_key(key_), strict)), "freshness.key-expired");
  strict = world_.policy;
  strict.max_events = 3;
  EXPECT_EQ(name_of(judge(by_key(key_), strict)), "log.too-long");
}

TEST_F(Freshness, EveryHandshakeIsJudgedAgainstTheMetadataOfNow) {
  learn(key_);
  world_.hold({world_.image_item, world_.firmware_item});
  EXPECT_EQ(name_of(judge(by_key(key_))), "metadata.missing");
  world_.hold({world_.image_item, world_.firmware_item,
               sign_item(with_version(world_.os, kTestNow - 10), world_.signer)});
  EXPECT_EQ(name_of(judge(by_key(key_))), "metadata.missing") << "a newer version is in force";
  world_.hold({world_.image_item, world_.firmware_item, world_.os_item});
  EXPECT_EQ(name_of(judge(by_key(key_))), "");
  world_.now = world_.os.not_after + 1;
  EXPECT_EQ(name_of(judge(by_key(key_))), "metadata.expired");
}

TEST_F(Freshness, OnlyTrustedEvidenceTeachesAKey) {
  world_.machine.log.push_back({4, "another boot loader"});
  Appraisal met = first(key_);
  EXPECT_EQ(name_of(met), "pcr.unexpected-event");
  EXPECT_FALSE(met.quoted);
}

TEST_F(Freshness, TheModeAndWhatCameGoTogether) {
  learn(key_);
  Evidence quoted = attest_machine(world_.machine, world_.binder());
  Evidence both = by_key(key_);
  both.anchors = quoted.anchors;
  both.path = quoted.path;
  EXPECT_EQ(name_of(judge(both)), "evidence.inconsistent");
  Evidence nonce = quoted;
  nonce.key = by_key(key_).key;
  EXPECT_EQ(name_of(judge(nonce)), "evidence.inconsistent");
  Evidence bare = by_key(key_, context(key_, FreshnessMode::nonce));
  EXPECT_EQ(name_of(judge(bare)), "evidence.inconsistent");
}

TEST_F(Freshness, AnEpochIdServesStrangers) {
  Appraisal met = judge(by_epoch(key_, epoch_of(world_.now - 7, 3, distributor_.get())));
  EXPECT_EQ(name_of(met), "");
  EXPECT_EQ(met.age_s, 7);
  ASSERT_TRUE(met.epoch);
  EXPECT_EQ(met.epoch->sequence, 3U);
  EXPECT_FALSE(met.quoted) << "it answered no nonce of ours";
}

TEST_F(Freshness, AnEpochIdOfLaterHoursIsRefused) {
  EXPECT_EQ(name_of(judge(by_epoch(key_, epoch_of(world_.now + 5, 3, distributor_.get())))), "")
      << "clocks differ a little";
  Appraisal met = judge(by_epoch(key_, epoch_of(world_.now + 3600, 3, distributor_.get())));
  EXPECT_EQ(name_of(met), "epoch.future");
  EXPECT_FALSE(met.epoch) << "it must not move the memory";
}

TEST_F(Freshness, AnEpochIdIsNotReplayed) {
  SignedEpochId old = epoch_of(world_.now - 61, 3, distributor_.get());
  EXPECT_EQ(name_of(judge(by_epoch(key_, old))), "epoch.too-old");
  // The clock was set back to the time of the old one: what was seen since tells.
  seen_ = {{world_.policy.distributors[0].name, world_.now, 9, Digest::filled(HashAlg::sha256, 1)}};
  world_.now -= 61;
  EXPECT_EQ(name_of(judge(by_epoch(key_, old))), "epoch.clock");
  world_.now += 61 - 5;
  EXPECT_EQ(name_of(judge(by_epoch(key_, old))), "epoch.too-old")
      << "below the newest seen, whatever the clock says";
}

TEST_F(Freshness, AClockBehindTheBuildRefusesTheMode) {
  built_ = world_.now + 100;
  EXPECT_EQ(name_of(judge(by_epoch(key_, epoch_of(world_.now, 3, distributor_.get())))), "epoch.clock");
}

TEST_F(Freshness, AnEpochIdOfAnotherDistributorIsRefused) {
  OwnedPkey other = new_distributor();
  EXPECT_EQ(name_of(judge(by_epoch(key_, epoch_of(world_.now, 3, other.get())))), "epoch.signature");
  Bytes spki = must(write_p256(other.get()));
  world_.policy.distributors.push_back({sha256(View(spki)), spki});
  EXPECT_EQ(name_of(judge(by_epoch(key_, epoch_of(world_.now, 3, other.get())))), "") << "two may be named";
  world_.policy.distributors.clear();
  EXPECT_EQ(name_of(judge(by_epoch(key_, epoch_of(world_.now, 3, distributor_.get())))), "epoch.signature");
}

TEST_F(Freshness, TwoEpochIdsOfOneNumberAreAContradiction) {
  SignedEpochId epoch = epoch_of(world_.now - 3, 9, distributor_.get());
  Digest name = world_.policy.distributors[0].name;
  seen_ = {{name, world_.now - 3, 9, epoch_digest(epoch)}};
  EXPECT_EQ(name_of(judge(by_epoch(key_, epoch))), "");
  seen_ = {{name, world_.now - 3, 9, Digest::filled(HashAlg::sha256, 1)}};
  EXPECT_EQ(name_of(judge(by_epoch(key_, epoch))), "epoch.order");
  seen_ = {{name, world_.now - 2, 8, Digest::filled(HashAlg::sha256, 1)}};
  EXPECT_EQ(name_of(judge(by_epoch(key_, epoch))), "epoch.order") << "a later number of an earlier time";
  seen_ = {{name, world_.now - 4, 10, Digest::filled(HashAlg::sha256, 1)}};
  EXPECT_EQ(name_of(judge(by_epoch(key_, epoch))), "epoch.order") << "signed for a later time, and kept";
}

// An intruder who was on the machine had the TPM quote a key for an hour to come: the Epoch ID of that hour
// did not exist.
TEST_F(Freshness, QuotesMintedForALaterEpochCoverAnotherId) {
  SignedEpochId guessed = epoch_of(world_.now, 5, distributor_.get());  // the random bytes are a guess
  Evidence minted = by_epoch(key_, guessed);
  SignedEpochId real = epoch_of(world_.now, 4, distributor_.get());
  minted.epoch = real;
  EXPECT_EQ(name_of(judge(minted)), "evidence.inconsistent");
  ReportContext c = must(decode_context(minted.context));
  c.epoch_id = epoch_digest(real);
  Evidence rewritten = by_key(key_, c);
  rewritten.anchors = minted.anchors, rewritten.path = minted.path, rewritten.epoch = real;
  EXPECT_EQ(name_of(judge(rewritten)), "quote.not-fresh");
}

// TPM2_ClockSet moves the TPM's clock as far ahead as one likes; nothing rests on it.
TEST_F(Freshness, TheTpmsClockMakesNothingYounger) {
  world_.machine.tamper_quote = [](QuoteSpec& quote) { quote.clock_ms += 3600000; };
  SignedEpochId old = epoch_of(world_.now - 600, 3, distributor_.get());
  EXPECT_EQ(name_of(judge(by_epoch(key_, old))), "epoch.too-old");
}

TEST_F(Freshness, AnotherKeyUnderTheSameQuoteIsRefused) {
  SignedEpochId epoch = epoch_of(world_.now, 3, distributor_.get());
  Evidence honest = by_epoch(key_, epoch);
  P256Key mine = must(P256Key::make());
  Evidence forged = by_epoch(mine, epoch);
  forged.anchors = honest.anchors;
  EXPECT_EQ(name_of(judge(forged)), "quote.not-fresh");
  Evidence lent = honest;
  lent.key = must(prove_key(mine, evidence_hash(world_.binder(), lent.context)));
  EXPECT_EQ(name_of(judge(lent)), "freshness.key-signature");
}

}  // namespace
}  // namespace attest
