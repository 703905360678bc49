// The vectors come from test/fixtures/vectors/make_native.py, an implementation of docs/PROTOCOL.md of its own.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "evidence/core/hex.h"
#include "evidence/native/message.h"
#include "test/support/testdata.h"

namespace attest {
namespace {

nlohmann::json vectors() {
  auto file = test::read_file(test::fixture("vectors/native.json"));
  return nlohmann::json::parse(file.value());
}

Bytes bytes_of(const nlohmann::json& v, const char* key) { return *from_hex(v.at(key).get<std::string>()); }

template <std::size_t N>
void fill(std::array<std::uint8_t, N>& out, const Bytes& from) {
  ASSERT_EQ(from.size(), N);
  std::copy(from.begin(), from.end(), out.begin());
}

BinderInputs inputs_of(const nlohmann::json& all, const char* role) {
  const auto& v = all.at(role);
  BinderInputs in;
  in.prover = static_cast<Role>(v.at("role").get<int>());
  fill(in.client_random, bytes_of(v, "client_random"));
  fill(in.server_random, bytes_of(v, "server_random"));
  in.cipher = v.at("cipher").get<std::uint16_t>();
  in.group = v.at("group").get<std::uint32_t>();
  in.client_share = bytes_of(v, "client_share");
  in.server_share = bytes_of(v, "server_share");
  in.request = bytes_of(v, "request");
  in.reply = bytes_of(v, "reply");
  in.leaf_der = bytes_of(all, "leaf");
  fill(in.secret_tag, bytes_of(v, "secret_tag"));
  return in;
}

TEST(Binder, EqualsTheVectors) {
  auto v = vectors();
  EXPECT_EQ(to_hex(compute_binder(inputs_of(v, "server"))->view()), v.at("server_binder"));
  EXPECT_EQ(to_hex(compute_binder(inputs_of(v, "client"))->view()), v.at("client_binder"));
  auto tag = server_secret_tag(Secret::copy_of(bytes_of(v, "secret")), HashAlg::sha256);
  ASSERT_TRUE(tag) << tag.error().what;
  EXPECT_EQ(to_hex(*tag), v.at("secret_tag"));
  EXPECT_FALSE(server_secret_tag(Secret::copy_of(bytes_of(v, "secret")), HashAlg::sha384));
}

TEST(Binder, EvidenceHashesAndBatchEqualTheVectors) {
  auto v = vectors();
  Bytes context = bytes_of(v, "context");
  Digest server = evidence_hash(Digest::of(bytes_of(v, "server_binder")), context);
  Digest client = evidence_hash(Digest::of(bytes_of(v, "client_binder")), context);
  EXPECT_EQ(to_hex(server.view()), v.at("server_evidence_hash"));
  EXPECT_EQ(to_hex(client.view()), v.at("client_evidence_hash"));
  EXPECT_EQ(to_hex(raw_evidence_hash(bytes_of(v, "raw_nonce"), context)->view()), v.at("raw_evidence_hash"));
  auto tree = MerkleTree::make({server, client, Digest::of(bytes_of(v, "third_evidence_hash"))});
  EXPECT_EQ(to_hex(tree->root().view()), v.at("batch_root"));
  EXPECT_EQ(to_hex(batch_qualifying_data(tree->root()).view()), v.at("qualifying_data"));
  auto evidence = decode_evidence(bytes_of(v, "evidence"));
  ASSERT_TRUE(evidence) << evidence.error().what;
  EXPECT_EQ(evidence->context, context);
  EXPECT_EQ(*merkle_root(server, evidence->path), tree->root());
  EXPECT_EQ(to_hex(*encode_evidence(*evidence)), v.at("evidence"));
}

// Every input changes the binder: evidence for one handshake is worthless in any other.
TEST(Binder, EveryInputCounts) {
  auto v = vectors();
  const BinderInputs good = inputs_of(v, "server");
  const Digest binder = *compute_binder(good);
  std::vector<BinderInputs> changed(9, good);
  changed[0].client_random[0] ^= 1;
  changed[1].server_random[31] ^= 1;
  changed[2].cipher = 0x1302;
  changed[3].group = 23;
  changed[4].client_share[0] ^= 1;
  changed[5].server_share.pop_back();
  changed[6].request[40] ^= 1;
  changed[7].reply[1] ^= 1;
  changed[8].secret_tag[0] ^= 1;
  for (std::size_t i = 0; i < changed.size(); i++) {
    auto other_binder = compute_binder(changed[i]);
    ASSERT_TRUE(other_binder) << i << other_binder.error().what;
    EXPECT_FALSE(*other_binder == binder) << i;
  }
  // A byte moved from one share to the other is not the same handshake.
  BinderInputs moved = good;
  moved.client_share.push_back(moved.server_share.front());
  moved.server_share.erase(moved.server_share.begin());
  EXPECT_FALSE(*compute_binder(moved) == binder);
}

TEST(Binder, RefusesWhatMustBeThere) {
  auto v = vectors();
  const BinderInputs good = inputs_of(v, "server");
  BinderInputs in = good;
  in.secret_tag.fill(0);
  EXPECT_FALSE(compute_binder(in));
  in = good, in.reply.clear();
  EXPECT_FALSE(compute_binder(in));
  in = good, in.prover = Role::client;  // a client's evidence has no reply
  EXPECT_FALSE(compute_binder(in));
  in = good, in.leaf_der.push_back(0);
  EXPECT_FALSE(compute_binder(in));
  in = good, in.leaf_der.resize(100);
  EXPECT_FALSE(compute_binder(in));
  in = good, in.client_share.resize(kMaxShare + 1);
  EXPECT_FALSE(compute_binder(in));
  in = good, in.request[0] = 2;
  EXPECT_FALSE(compute_binder(in));
}

TEST(Binder, RawNoncesCannotImitateHandshakes) {
  EXPECT_FALSE(raw_evidence_hash(as_view("attest/1 binder"), as_view("x")));
  EXPECT_FALSE(raw_evidence_hash({}, as_view("x")));
  EXPECT_FALSE(raw_evidence_hash(Bytes(65), as_view("x")));
  EXPECT_TRUE(raw_evidence_hash(Bytes(64), as_view("x")));
}

TEST(Binder, InputsTravelUnchanged) {
  auto v = vectors();
  const BinderInputs good = inputs_of(v, "server");
  Writer out;
  write_inputs(out, good);
  Bytes wire = *std::move(out).finish("inputs");
  Reader in(wire);
  BinderInputs back = read_inputs(in);
  ASSERT_TRUE(in.done("inputs"));
  EXPECT_EQ(*compute_binder(back), *compute_binder(good));
  for (std::size_t n = 0; n < wire.size(); n++) {
    Reader cut(View(wire).first(n));
    (void)read_inputs(cut);
    EXPECT_FALSE(cut.good()) << n;
  }
}

}  // namespace
}  // namespace attest
