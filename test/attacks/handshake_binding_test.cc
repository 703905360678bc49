// Evidence that was made for something else than this handshake.
#include <gtest/gtest.h>

#include "test/support/evidence_maker.h"
#include "test/support/recording.h"
#include "verifier/checks.h"

namespace attest {
namespace {

using namespace attest::test;

class HandshakeBinding : public testing::Test {
 protected:
  // refused_for: evidence made for a handshake that differs in one input is refused in the handshake that the verifier sees.
  void refused_for(const std::function<void(BinderInputs&)>& change) {
    BinderInputs other = world.inputs;
    change(other);
    Evidence evidence = attest_machine(world.machine, must(compute_binder(other)));
    EXPECT_EQ(name_of(world.judge(evidence)), check::kQuoteNotFresh);
    EXPECT_EQ(name_of(world.judge()), "");  // and the change alone made the difference
  }
  World world;
};

TEST_F(HandshakeBinding, ReplayedFromAnEarlierHandshakeIsRefused) {
  refused_for([](BinderInputs& in) { in.request[10] ^= 1; });  // the nonce of then
}

TEST_F(HandshakeBinding, OfAnotherClientOrServerRandomIsRefused) {
  refused_for([](BinderInputs& in) { in.client_random[0] ^= 1; });
  refused_for([](BinderInputs& in) { in.server_random[31] ^= 1; });
}

TEST_F(HandshakeBinding, ForAnotherCertificateIsRefused) {
  Bytes other = make_root("a.example").der();  // same name, another key
  refused_for([&](BinderInputs& in) { in.leaf_der = other; });
}

TEST_F(HandshakeBinding, ForAnotherCipherOrGroupIsRefused) {
  refused_for([](BinderInputs& in) { in.cipher = 0x1302; });
  refused_for([](BinderInputs& in) { in.group = 0x0017; });
}

TEST_F(HandshakeBinding, ForOtherKeySharesIsRefused) {
  refused_for([](BinderInputs& in) { in.client_share[0] ^= 1; });
  refused_for([](BinderInputs& in) { in.server_share[0] ^= 1; });
}

// A relay with the stolen TLS key sees another handshake secret than the attested endpoint.
TEST_F(HandshakeBinding, RelayedWithAStolenTlsKeyIsRefused) {
  refused_for([](BinderInputs& in) { in.secret_tag[0] ^= 1; });
}

TEST_F(HandshakeBinding, ForAnotherReplyIsRefused) {
  refused_for([](BinderInputs& in) { in.reply = {1, 1}; });
}

// What a client proved about itself is sent back to it.
TEST_F(HandshakeBinding, ReflectedEvidenceIsRefused) {
  world.machine.role = Role::client;
  EXPECT_EQ(name_of(world.judge()), check::kEvidenceRole);
  // and with the role of the context set right, the role inside the binder still differs
  world.machine.role = Role::server;
  refused_for([](BinderInputs& in) {
    in.prover = Role::client;
    in.reply.clear();
  });
}

TEST_F(HandshakeBinding, ContextThatWasNotHashedIsRefused) {
  Evidence evidence = attest_machine(world.machine, world.binder());
  world.machine.service = "postgres";
  evidence.context = must(encode_context(context_of(world.machine)));
  EXPECT_EQ(name_of(world.judge(evidence)), check::kQuoteNotFresh);
}

// The daemon signs evidence hashes of its own making alone; a binder as qualifying data, or as a root, is none.
TEST_F(HandshakeBinding, QuoteOfTheBareBinderIsRefused) {
  Digest binder = world.binder();
  for (const Digest& bare : {binder, batch_qualifying_data(binder), evidence_hash(binder, must(encode_context(context_of(world.machine))))}) {
    world.machine.tamper_quote = [&](QuoteSpec& q) { q.extra_data = to_bytes(bare.view()); };
    EXPECT_EQ(name_of(world.judge()), check::kQuoteNotFresh);
  }
}

TEST_F(HandshakeBinding, RawReportIsNoHandshakeEvidence) {
  Evidence e;
  e.context = must(encode_context(context_of(world.machine)));
  Digest raw = must(raw_evidence_hash(world.binder().view(), e.context));
  e.path = MerklePath{};
  e.anchors = {tpm_anchor(world.machine, batch_qualifying_data(must(merkle_root(raw, e.path))))};
  EXPECT_EQ(name_of(world.judge(e)), check::kQuoteNotFresh);
}

class BatchPath : public HandshakeBinding {
 protected:
  BatchPath() {
    evidence.context = must(encode_context(context_of(world.machine)));
    std::vector<Digest> leaves(4, Digest::filled(HashAlg::sha256, 9));
    leaves[1] = evidence_hash(world.binder(), evidence.context);
    MerkleTree batch = must(MerkleTree::make(leaves));
    evidence.path = batch.path(1);
    evidence.anchors = {tpm_anchor(world.machine, batch_qualifying_data(batch.root()))};
  }
  Evidence evidence;
};

TEST_F(BatchPath, HonestPathPasses) { EXPECT_EQ(name_of(world.judge(evidence)), ""); }

TEST_F(BatchPath, TooLongOrTooShortIsRefused) {
  Evidence e = evidence;
  e.path.siblings.push_back(Digest::filled(HashAlg::sha256, 1));
  EXPECT_EQ(name_of(world.judge(e)), check::kEvidenceMalformed);
  e = evidence;
  e.path.siblings.pop_back();
  EXPECT_EQ(name_of(world.judge(e)), check::kEvidenceMalformed);
  e = evidence;
  e.path.siblings.resize(13, Digest::filled(HashAlg::sha256, 1));
  EXPECT_EQ(name_of(world.judge(e)), check::kEvidenceMalformed);
}

TEST_F(BatchPath, OfAnotherLeafOrBatchIsRefused) {
  Evidence e = evidence;
  e.path.index = 2;
  EXPECT_EQ(name_of(world.judge(e)), check::kQuoteNotFresh);
  e = evidence;
  e.path.index = 4;
  EXPECT_EQ(name_of(world.judge(e)), check::kEvidenceMalformed);
  e = evidence;
  std::swap(e.path.siblings[0], e.path.siblings[1]);
  EXPECT_EQ(name_of(world.judge(e)), check::kQuoteNotFresh);
  e = evidence;
  e.path.count = 0;
  EXPECT_EQ(name_of(world.judge(e)), check::kEvidenceMalformed);
}

// A node presented as a leaf: without distinct prefixes an inner value of the tree would answer a second binder.
TEST_F(BatchPath, InnerNodeIsNoLeaf) {
  Evidence e = evidence;
  e.path = {0, 2, {evidence.path.siblings[1]}};
  EXPECT_EQ(name_of(world.judge(e)), check::kQuoteNotFresh);
}

}  // namespace
}  // namespace attest
