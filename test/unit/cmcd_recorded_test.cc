// Every recorded call of CMC's agent API is sent to a daemon as it was recorded, and the answer held against the recorded one;
// recorded results in CBOR are held against ours, member by member.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "cmcd-lite/server/cmc/api/tls_keys.h"
#include "evidence/cmc/report.h"
#include "evidence/core/crypto.h"
#include "evidence/core/file.h"
#include "evidence/core/hex.h"
#include "test/support/cmc_machine.h"
#include "test/support/est_server.h"
#include "verifier/cmc/judge.h"

namespace attest {
namespace {

using namespace attest::test;
using cmc::Call;
using cmc::Encoding;
using nlohmann::json;

const std::string kFolder = std::string(ATTEST_TESTDATA) + "/cmc/reports/";
constexpr std::string_view kRecordedKeys[] = {"363cb171-2cba-41e1-a408-6f82ad89183d", "ecd7cf49-c4ce-4c04-9a5e-ef5ba6589b8a"};
constexpr std::size_t kRecordedIma = 6;  // entries of the list, when the recording was made

Bytes recorded(const std::string& name) {
  auto bytes = attest::read_file(kFolder + name, 64 << 20);
  EXPECT_TRUE(bytes) << name;
  return bytes ? *bytes : Bytes();
}

// tree_of is a CBOR item as JSON: numbers that are keys become their text, byte strings hexadecimal. Definite lengths alone.
json tree_of(Reader& in) {
  std::uint8_t head = in.u8();
  std::uint64_t n = head & 31;
  if (n == 24) n = in.u8();
  else if (n == 25) n = in.u16be();
  else if (n == 26) n = in.u32be();
  else if (n == 27) n = in.u64be();
  switch (head >> 5) {
    case 0:
      return n;
    case 1:
      return -1 - static_cast<std::int64_t>(n);
    case 2:
      return "h'" + to_hex(in.take(n)) + "'";
    case 3:
      return std::string(as_text(in.take(n)));
    case 4: {
      json out = json::array();
      for (std::uint64_t i = 0; i < n && in.good(); i++) out.push_back(tree_of(in));
      return out;
    }
    case 5: {
      json out = json::object();
      for (std::uint64_t i = 0; i < n && in.good(); i++) {
        json key = tree_of(in);
        out[key.is_string() ? key.get<std::string>() : key.dump()] = tree_of(in);
      }
      return out;
    }
    default:
      return head == 0xf6 ? json() : json(head == 0xf5);
  }
}

json tree_of(View cbor) {
  Reader in(cbor);
  json out = tree_of(in);
  EXPECT_TRUE(in.good() && in.rest().empty());
  return out;
}

// Free members: what two verifiers may word differently. Names in JSON, numbers in CBOR; explanations stand beside a status.
bool free_member(const json& object, const std::string& key, bool top, Encoding encoding) {
  if (encoding == Encoding::json) return key == "details" || (top && (key == "created" || key == "prover" || key == "verifier"));
  return (object.contains("status") && key == "5") || (top && (key == "3" || key == "4" || key == "5"));
}

// same compares two results, apart from free members; lists of texts are sets.
void same(const json& want, const json& got, Encoding encoding, const std::string& where = "") {
  if (want.is_object() && got.is_object()) {
    for (const auto& [key, value] : want.items()) {
      if (free_member(want, key, where.empty(), encoding)) continue;
      if (!got.contains(key)) ADD_FAILURE() << where << "." << key << " is missing";
      else same(value, got[key], encoding, where + "." + key);
    }
    for (const auto& [key, value] : got.items())
      if (!want.contains(key) && !free_member(got, key, where.empty(), encoding)) ADD_FAILURE() << where << "." << key << " is not in the recording";
    return;
  }
  if (want.is_array() && got.is_array() && want.size() == got.size()) {
    json a = want, b = got;
    if (!a.empty() && a[0].is_string()) {
      std::sort(a.begin(), a.end());
      std::sort(b.begin(), b.end());
    }
    for (std::size_t i = 0; i < a.size(); i++) same(a[i], b[i], encoding, where + "[" + std::to_string(i) + "]");
    return;
  }
  EXPECT_EQ(want, got) << where;
}

void same_result(const Bytes& want, const Bytes& got, Encoding encoding) {
  if (encoding == Encoding::json) same(json::parse(as_text(want)), json::parse(as_text(got)), encoding);
  else same(tree_of(View(want)), tree_of(View(got)), encoding);
}

class Replay : public testing::TestWithParam<Encoding> {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(kFolder + "ca.pem")) GTEST_SKIP() << "../shared/testdata/cmc is not there";
    ASSERT_TRUE(machine_.good());
    MachineDaemon& daemon = machine_.machine.daemon;
    std::string tpm = R"("tpm": {)";
    daemon.members.insert(daemon.members.find(tpm) + tpm.size(), R"("pcrs": [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 23], )");
    daemon.write("recorded.pem", as_text(recorded("ca.pem")));
    machine_.roots = R"("signers.pem", "recorded.pem")";
    daemon.clock = [] { return *parse_rfc3339("2026-11-21T22:33:05Z"); };
    ASSERT_TRUE(machine_.start(R"(, "name": "localhost", "enroll": {"url": ")" + est_.url() + R"(", "roots": ["signers.pem"]})")) << daemon.log();
    hold_recorded_metadata();
  }
  // hold_recorded_metadata: this machine claims what the recorded one claimed.
  void hold_recorded_metadata() {
    MachineDaemon& daemon = machine_.machine.daemon;
    for (const char* own : {"manifest.json", "image.json"}) std::filesystem::remove(daemon.path(std::string("cmc-metadata/") + own));
    auto request = cmc::decode_request(Call::verify, recorded("api-verify-peer" + suffix() + ".request"));
    ASSERT_TRUE(request);
    auto report = cmc::decode_report(request->report);
    ASSERT_TRUE(report);
    for (const auto& [digest, item] : report->context.metadata) daemon.write("cmc-metadata/" + digest, as_text(item));
    ASSERT_TRUE(machine_.reload());
  }
  std::string suffix() const { return GetParam() == Encoding::json ? ".json" : ".cbor"; }
  struct Answers {
    Bytes request;
    cmc::ApiResponse ours, theirs;
    bool same_bytes = false;
  };
  // replay sends a recorded call; our key stands in the place of the recorded one.
  Answers replay(const std::string& name, std::uint32_t type, bool refused = false) {
    Answers out;
    std::string request(as_text(recorded("api-" + name + suffix() + ".request")));
    for (std::string_view key : kRecordedKeys)
      if (std::size_t at = request.find(key); at != std::string::npos && !key_.empty()) request.replace(at, key.size(), key_);
    out.request = to_bytes(as_view(request));
    auto answer = cmc_exchange(machine_.client(GetParam()), static_cast<Call>(type), out.request);
    EXPECT_TRUE(answer) << name << ": " << answer.error().what;
    if (!answer) return out;
    EXPECT_EQ(answer->type, refused ? 0U : type) << name << ": " << as_text(answer->payload).substr(0, 300);
    Bytes due = recorded("api-" + name + suffix() + ".response");
    out.same_bytes = answer->payload == due;
    Call kind = refused ? Call::error : static_cast<Call>(type);
    auto ours = cmc::decode_response(kind, answer->payload), theirs = cmc::decode_response(kind, due);
    EXPECT_TRUE(ours && theirs) << name;
    if (ours) out.ours = *std::move(ours);
    if (theirs) out.theirs = *std::move(theirs);
    return out;
  }
  Authority authority_;
  EstServer est_{authority_.root()};
  CmcMachine machine_{authority_, "tis", kRecordedIma};
  std::string key_;
};

// Recordings whose answer is the same to the last byte.
constexpr struct {
  const char* name;
  std::uint32_t type;
  bool refused;
} kSame[] = {{"updatecerts", 8, false}, {"updatemetadata", 9, false}, {"peercache-unknown", 6, false}, {"unknown-type", 77, true}};

// The others, and why ours differs:
//   verify-peer              the time of judging, explanations, and that one authority is root of everything, which ours names
//   peercache-known          the order of digests, which CMC's is random
//   attest-cached            another TPM, its key and its certificate; the order of digests; firmware and first program differ a little
//   tlscreate                a new id
//   tlscert                  a key of ours, certified by this test's authority
//   tlssign                  a key of ours, and ECDSA is random
//   tlssign-unknown-key      the text of the refusal
TEST_P(Replay, AnswersAreTheRecordedOnes) {
  for (const auto& one : kSame) EXPECT_TRUE(replay(one.name, one.type, one.refused).same_bytes) << one.name;
  Answers unknown = replay("tlssign-unknown-key", 4, true);
  EXPECT_FALSE(unknown.ours.msg.empty() || unknown.theirs.msg.empty());
  EXPECT_EQ(unknown.ours.version, unknown.theirs.version);
}

TEST_P(Replay, VerifyAndWhatIsHeldAfterwards) {
  Answers verify = replay("verify-peer", 2);
  same_result(verify.theirs.result, verify.ours.result, GetParam());
  Answers held = replay("peercache-known", 6);
  std::ranges::sort(held.theirs.cache);
  std::ranges::sort(held.ours.cache);
  EXPECT_EQ(held.ours.cache, held.theirs.cache);
}

// comparable is a register's events as JSON. The recorded machine's firmware measured less into registers 0 and 7 than ours (no
// separators, fewer variables): ours is cut to its length there. Its first program was another build of the same name.
std::string comparable(cmc::Artifact artifact, const cmc::Artifact& other) {
  if (artifact.index == 0 || artifact.index == 7) artifact.events.resize(std::min(artifact.events.size(), other.events.size()));
  for (cmc::Component& event : artifact.events)
    if (event.name == "spike-init") event.hashes.clear();
  return std::string(as_text(cmc::encode_artifact(artifact, Encoding::json)));
}
std::string comparable(const cmc::Artifact& artifact) { return comparable(artifact, artifact); }

TEST_P(Replay, AttestOfTheSameBootIsTheSameReport) {
  Answers attest = replay("attest-cached", 1);
  auto ours = cmc::decode_report(attest.ours.report), theirs = cmc::decode_report(attest.theirs.report);
  ASSERT_TRUE(ours && theirs);
  EXPECT_EQ(ours->encoding, theirs->encoding);
  EXPECT_EQ(ours->version + ours->type + ours->name, theirs->version + theirs->type + theirs->name);
  cmc::ReportContext &a = ours->context, &b = theirs->context;
  EXPECT_EQ(a.type + a.alg, b.type + b.alg);
  EXPECT_EQ(a.nonce, b.nonce);
  EXPECT_TRUE(a.metadata.empty() && b.metadata.empty()) << "all of it was held";
  std::ranges::sort(a.digests);
  std::ranges::sort(b.digests);
  EXPECT_EQ(a.digests, b.digests);
  ASSERT_EQ(ours->evidences.size(), 1U);
  EXPECT_EQ(ours->evidences[0].type, theirs->evidences.at(0).type);
  ASSERT_EQ(a.collateral.size(), 1U);
  EXPECT_EQ(a.collateral[0].type, b.collateral.at(0).type);
  ASSERT_EQ(a.collateral[0].artifacts.size(), b.collateral[0].artifacts.size());
  for (std::size_t i = 0; i < b.collateral[0].artifacts.size(); i++)
    EXPECT_EQ(comparable(a.collateral[0].artifacts[i], b.collateral[0].artifacts[i]), comparable(b.collateral[0].artifacts[i]));
}

TEST_P(Replay, KeysAreMadeShownAndUsed) {
  Answers made = replay("tlscreate", 3);
  ASSERT_EQ(made.ours.key_id.size(), made.theirs.key_id.size());
  key_ = made.ours.key_id;
  Answers shown = replay("tlscert", 5);
  ASSERT_EQ(shown.ours.certificate.size(), shown.theirs.certificate.size());
  Answers used = replay("tlssign", 4);
  auto request = cmc::decode_request(Call::tls_sign, used.request);
  ASSERT_TRUE(request);
  for (const auto& [certificate, signature] : {std::pair(shown.ours.certificate, used.ours.signed_content),
                                               std::pair(shown.theirs.certificate, used.theirs.signed_content)}) {
    auto der = split_certificates(certificate.at(0), "leaf");
    ASSERT_TRUE(der && der->size() == 1) << "one certificate in each element";
    auto leaf = parse_certificate(der->front());
    ASSERT_TRUE(leaf);
    OwnedPkeyCtx context(EVP_PKEY_CTX_new_from_pkey(private_libctx(), X509_get0_pubkey(leaf->get()), nullptr));
    ASSERT_EQ(EVP_PKEY_verify_init(context.get()), 1);
    EXPECT_EQ(EVP_PKEY_verify(context.get(), signature.data(), signature.size(), request->content.data(), request->content.size()), 1);
  }
}

INSTANTIATE_TEST_SUITE_P(Serialisations, Replay, testing::Values(Encoding::json, Encoding::cbor),
                         [](const auto& one) { return one.param == Encoding::json ? "json" : "cbor"; });

TEST(RecordedResults, InCborAreOurs) {
  if (!std::filesystem::exists(kFolder + "expected.json")) GTEST_SKIP() << "../shared/testdata/cmc is not there";
  json expected = json::parse(as_text(recorded("expected.json")));
  auto roots = read_certificates(kFolder + "ca.pem");
  ASSERT_TRUE(roots);
  TrustStore store = *TrustStore::make(*roots);
  std::size_t compared = 0;
  for (const json& one : expected["cases"]) {
    std::string result = one.value("result", ""), name = one.value("report", "");
    if (one["ours"] != "success" || one["cmc"] != "success" || !result.ends_with(".cbor")) continue;
    SCOPED_TRACE(name);
    Bytes report = recorded(name), nonce = *from_hex(one["nonce"].get<std::string>(), 256);
    cmc::Question q;
    q.report = report;
    q.nonce = nonce;
    q.now = *parse_rfc3339(expected["verify_time"].get<std::string>());
    q.signers = q.attestation_keys = &store;
    q.roots = *roots;
    auto due = cmc::decode_response(Call::verify, recorded(result));
    ASSERT_TRUE(due) << due.error().what;
    same_result(due->result, cmc::encode_result(cmc::judge(q).result, Encoding::cbor), Encoding::cbor);
    compared++;
  }
  EXPECT_GE(compared, 5U);
}

}  // namespace
}  // namespace attest
