// The ten recorded exchanges of attested TLS with a live CMC peer, played to our side frame by frame, as client and as
// server. Exporter values come from the recording; reports are judged for real.
#include <gtest/gtest.h>

#include "evidence/core/hex.h"
#include "evidence/x509/certificate.h"
#include "provider/libattest/exchange.h"
#include "test/support/testdata.h"
#include "verifier/cmc/judge.h"

namespace attest::atls {
namespace {

using namespace attest::test;

constexpr UnixTime kThen = 1795300860;  // 2026-11-21T22:41:00Z

// Recording is one side of one exchange.
struct Recording {
  Bindings bindings;
  std::vector<Bytes> sent, received;
};

std::string folder() { return testdata("cmc/atls/"); }

Recording load(const std::string& name) {
  Recording out;
  for (int i = 1; i <= 8; i++) {
    std::string stem = folder() + name + "-0" + std::to_string(i) + ".";
    if (i == 1) out.bindings.client = read_file(stem + "exporter-client").value_or(Bytes{});
    if (i == 2) out.bindings.server = read_file(stem + "exporter-server").value_or(Bytes{});
    if (auto frame = read_file(stem + "sent")) out.sent.push_back(*frame);
    if (auto frame = read_file(stem + "received")) out.received.push_back(*frame);
  }
  return out;
}

// Played gives what the peer sent and compares what we send.
class Played final : public Frames {
 public:
  explicit Played(const Recording& recording) : recording_(recording) {}
  Status send(View payload) override {
    EXPECT_LT(sent_, recording_.sent.size());
    if (sent_ < recording_.sent.size()) {
      EXPECT_TRUE(equal(payload, recording_.sent[sent_])) << "frame " << sent_ << " that we send";
    }
    sent_++;
    return ok();
  }
  Result<Bytes> receive() override {
    if (received_ == recording_.received.size()) return Error{Errc::io, "the recording ends"};
    return recording_.received[received_++];
  }
  void give_up() override {}
  bool ended() const { return sent_ == recording_.sent.size() && received_ == recording_.received.size(); }

 private:
  const Recording& recording_;
  std::size_t sent_ = 0, received_ = 0;
};

// Judge makes the report of the recording and judges the peer's as the daemon would.
class Judge final : public Agent {
 public:
  explicit Judge(const Recording& recording) : recording_(recording) {
    auto pem = read_file(folder() + "ca.pem").value_or(Bytes{});
    roots_ = *split_certificates(pem, "ca.pem");
    store_.emplace(*TrustStore::make(roots_));
  }
  Result<std::vector<std::string>> peer_cache(const std::string&) override { return std::vector<std::string>{}; }
  Result<Bytes> attest(View nonce, const std::vector<std::string>&) override {
    attested = to_hex(nonce);
    TRY(cmc::AtlsResponse response, cmc::decode_atls_response(recording_.sent.at(1)));
    return response.report;
  }
  Result<Judgement> verify(View report, View nonce, const PeerName& peer) override {
    verified = to_hex(nonce);
    cmc::Question question;
    question.report = report;
    question.nonce = nonce;
    question.now = kThen;
    question.signers = question.attestation_keys = &*store_;
    question.roots = roots_;
    question.one_root = true;
    question.peer_id = peer.id;
    auto judged = cmc::judge(question);
    return Judgement{judged.trusted, false, judged.result.summary.details, encode_result(judged.result, Encoding::json)};
  }
  std::string attested, verified;

 private:
  const Recording& recording_;
  std::vector<Bytes> roots_;
  std::optional<TrustStore> store_;
};

struct Case {
  const char* serializer;
  const char* mode;
  const char* key;
};
constexpr Case kCases[] = {{"json", "mutual", "sw"}, {"json", "mutual", "tpm"}, {"json", "server", "sw"},
                           {"json", "client", "sw"}, {"json", "none", "sw"},    {"cbor", "mutual", "sw"},
                           {"cbor", "mutual", "tpm"}, {"cbor", "server", "sw"}, {"cbor", "client", "sw"},
                           {"cbor", "none", "sw"}};

class AtlsReplay : public testing::TestWithParam<Case> {
 protected:
  void SetUp() override {
    if (!read_file(folder() + "ca.pem")) GTEST_SKIP() << "../shared/testdata/cmc/atls is not there";
  }
  static Exchange side(const Recording& recording, bool server) {
    Exchange out;
    out.server = server;
    out.mode = *cmc::attest_mode_from_name(GetParam().mode);
    out.encoding = std::string(GetParam().serializer) == "json" ? Encoding::json : Encoding::cbor;
    out.bindings = recording.bindings;
    out.peer.id = "c0db2576066043a0942a6bed70ac682f8a6a08d710896b08a2c1dae4b0cdfb04";
    out.shown = true;
    return out;
  }
  static Recording recorded(bool server) {
    return load(std::string("atls-") + GetParam().serializer + "-" + GetParam().mode + "-" + GetParam().key +
                (server ? "-server" : "-client"));
  }
};

TEST_P(AtlsReplay, BothSidesSendWhatWasRecordedAndAccept) {
  for (bool server : {false, true}) {
    Recording recording = recorded(server);
    ASSERT_EQ(recording.sent.size(), 3U);
    ASSERT_EQ(recording.received.size(), 3U);
    Exchange exchange = side(recording, server);
    Played frames(recording);
    Judge agent(recording);
    Outcome out = run_exchange(exchange, frames, agent);
    EXPECT_FALSE(out.failure) << out.failure->what;
    EXPECT_TRUE(frames.ended());
    EXPECT_EQ(out.judged, exchange.verifies());
    const Bindings& is = recording.bindings;
    EXPECT_EQ(agent.attested, exchange.proves() ? to_hex(server ? is.server : is.client) : "");
    EXPECT_EQ(agent.verified, exchange.verifies() ? to_hex(server ? is.client : is.server) : "");
  }
}

// The two labels must not be mixed up, and a report of another connection is stale.
TEST_P(AtlsReplay, OtherExporterValuesAreRefused) {
  for (bool server : {false, true}) {
    Recording recording = recorded(server);
    Recording other = recording;
    Exchange exchange = side(recording, server);
    if (!exchange.verifies()) continue;
    std::swap(exchange.bindings.client, exchange.bindings.server);
    if (!server)  // our report stays with us
      other.sent[1] = encode_atls(cmc::AtlsResponse{"attestation failed", {}}, exchange.encoding);
    other.sent[2] = encode_atls(cmc::AtlsComplete{false, "attestation failed"}, exchange.encoding);
    Played frames(other);
    Judge agent(recording);
    Outcome out = run_exchange(exchange, frames, agent);
    ASSERT_TRUE(out.failure);
    EXPECT_EQ(out.failure->code, Errc::untrusted) << out.failure->what;
    EXPECT_EQ(agent.attested.empty(), !(exchange.server && exchange.proves()));
  }
}

TEST_P(AtlsReplay, TruncatedFramesAndTrailingBytesAreRefused) {
  for (bool server : {false, true}) {
    Recording recording = recorded(server);
    for (std::size_t frame = 0; frame < 3; frame++) {
      for (int change : {-1, 1}) {
        Bytes payload = recording.received[frame];
        if (change < 0)
          payload.pop_back();
        else
          payload.push_back('x');
        EXPECT_FALSE(frame == 0   ? bool(cmc::decode_atls_request(payload))
                     : frame == 1 ? bool(cmc::decode_atls_response(payload))
                                  : bool(cmc::decode_atls_complete(payload)));
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Recorded, AtlsReplay, testing::ValuesIn(kCases), [](const auto& one) {
  return std::string(one.param.serializer) + "_" + one.param.mode + "_" + one.param.key;
});

}  // namespace
}  // namespace attest::atls
