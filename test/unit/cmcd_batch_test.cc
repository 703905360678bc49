#include "cmcd-lite/server/devices/batch.h"

#include <gtest/gtest.h>

#include "test/support/fake_driver.h"

namespace attest {
namespace {

std::shared_ptr<const MetadataItem> item_of(std::size_t size, std::uint8_t fill) {
  Metadata metadata;
  metadata.name = std::string("item-") + std::to_string(fill);
  Bytes bytes(size, fill);
  Digest digest = sha256(bytes);
  return std::make_shared<const MetadataItem>(
      MetadataItem{digest, std::move(bytes), SignatureCheck::mint(std::move(metadata))});
}

AttestJob job_of(std::uint8_t seed, Role role, const char* service, Result<Bytes>& out) {
  AttestJob job;
  job.role = role;
  job.service = service;
  job.binder = Digest::filled(HashAlg::sha256, seed);
  job.room = 100000;
  job.done = [&out](Result<Bytes> evidence) { out = std::move(evidence); };
  return job;
}

Result<Bytes> nothing() { return Error{Errc::io, "not answered"}; }

class BatchTest : public testing::Test {
 protected:
  void SetUp() override {
    auto opened = device_.open();
    ASSERT_TRUE(opened);
    drivers_ = std::move(*opened);
  }
  // statement returns what the fake signed.
  static Digest statement(const Evidence& evidence) {
    return Digest::of(std::get<SwAnchor>(evidence.anchors.at(0)).statement);
  }
  static Evidence decoded(const Result<Bytes>& bytes) {
    EXPECT_TRUE(bytes) << bytes.error().what;
    if (!bytes) return {};
    auto evidence = decode_evidence(*bytes);
    EXPECT_TRUE(evidence) << evidence.error().what;
    return evidence ? *evidence : Evidence{};
  }
  test::FakeDevice device_;
  std::vector<OpenedDriver> drivers_;
  State state_;
  BatchMaker maker_;
};

TEST_F(BatchTest, OneQuoteCoversEveryJobUnderItsOwnContext) {
  constexpr std::uint8_t kJobs = 7;
  std::vector<Result<Bytes>> out(kJobs, nothing());
  std::vector<AttestJob> jobs;
  for (std::uint8_t i = 0; i < kJobs; i++)
    jobs.push_back(job_of(i, i % 2 == 0 ? Role::server : Role::client, i < 3 ? "nginx" : "psql", out[i]));
  auto made = maker_.make(jobs, drivers_, state_);
  ASSERT_TRUE(made) << made.error().what;
  EXPECT_EQ(device_.quotes(), 1U);
  for (std::uint8_t i = 0; i < kJobs; i++) {
    Evidence evidence = decoded(out[i]);
    auto context = decode_context(evidence.context);
    ASSERT_TRUE(context) << context.error().what;
    EXPECT_EQ(context->role, i % 2 == 0 ? Role::server : Role::client);
    EXPECT_EQ(context->service, i < 3 ? "nginx" : "psql");
    EXPECT_EQ(context->anchors.at(0).kind, AnchorKind::sw);
    EXPECT_EQ(evidence.path.count, kJobs);
    Digest hash = evidence_hash(Digest::filled(HashAlg::sha256, i), evidence.context);
    auto root = merkle_root(hash, evidence.path);
    ASSERT_TRUE(root) << root.error().what;
    EXPECT_EQ(batch_qualifying_data(*root), statement(evidence));
    Digest other =
        evidence_hash(Digest::filled(HashAlg::sha256, static_cast<std::uint8_t>(i + 1)), evidence.context);
    EXPECT_NE(batch_qualifying_data(*merkle_root(other, evidence.path)), statement(evidence))
        << "another handshake's binder";
  }
}

TEST_F(BatchTest, ARawNonceIsNeverALeafOfItsOwn) {
  Result<Bytes> out = nothing();
  std::vector<AttestJob> jobs;
  jobs.push_back(job_of(1, Role::server, "", out));
  jobs[0].raw_nonce = Bytes(32, 9);
  jobs[0].binder = Digest();
  ASSERT_TRUE(maker_.make(jobs, drivers_, state_));
  Evidence evidence = decoded(out);
  auto raw = raw_evidence_hash(Bytes(32, 9), evidence.context);
  ASSERT_TRUE(raw);
  EXPECT_EQ(batch_qualifying_data(*merkle_root(*raw, evidence.path)), statement(evidence));
  EXPECT_NE(batch_qualifying_data(*merkle_root(Digest::filled(HashAlg::sha256, 9), evidence.path)),
            statement(evidence));
  EXPECT_NE(batch_qualifying_data(*merkle_root(
                evidence_hash(Digest::filled(HashAlg::sha256, 9), evidence.context), evidence.path)),
            statement(evidence));
}

TEST_F(BatchTest, ABadJobDoesNotSpoilTheOthers) {
  std::vector<Result<Bytes>> out(3, nothing());
  std::vector<AttestJob> jobs;
  for (std::uint8_t i = 0; i < 3; i++) jobs.push_back(job_of(i, Role::server, "nginx", out[i]));
  jobs[1].raw_nonce = to_bytes(as_view("attest/1 evidence"));
  jobs[2].service = std::string(65, 'x');
  ASSERT_TRUE(maker_.make(jobs, drivers_, state_));
  EXPECT_TRUE(out[0]);
  ASSERT_FALSE(out[1]);
  EXPECT_EQ(out[1].error().code, Errc::denied);
  EXPECT_FALSE(out[2]);
  EXPECT_EQ(device_.quotes(), 1U);
}

TEST_F(BatchTest, ABrokenDeviceAnswersNobody) {
  Result<Bytes> out = nothing();
  std::vector<AttestJob> jobs;
  jobs.push_back(job_of(1, Role::server, "nginx", out));
  device_.set_broken(true);
  auto made = maker_.make(jobs, drivers_, state_);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, Errc::io);
  EXPECT_EQ(out.error().what, "not answered");
}

TEST_F(BatchTest, EvidenceThatDoesNotFitIsRefusedWithItsSize) {
  Result<Bytes> out = nothing();
  std::vector<AttestJob> jobs;
  jobs.push_back(job_of(1, Role::server, "nginx", out));
  jobs[0].room = 100;
  ASSERT_TRUE(maker_.make(jobs, drivers_, state_));
  ASSERT_FALSE(out);
  EXPECT_NE(out.error().what.find("evidence.too-large"), std::string::npos);
  EXPECT_NE(out.error().what.find("carries 100"), std::string::npos);
}

TEST_F(BatchTest, MetadataGoesByDigestAndInFullWhereItFits) {
  state_.own.items = {item_of(3000, 1), item_of(200, 2), item_of(50000, 3)};
  std::vector<Result<Bytes>> out(3, nothing());
  std::vector<AttestJob> jobs;
  for (std::uint8_t i = 0; i < 3; i++) jobs.push_back(job_of(i, Role::server, "nginx", out[i]));
  jobs[0].room = 5000;
  jobs[1].room = 5000;
  jobs[1].known = {to_bytes(state_.own.items[1]->digest.view().first(8))};
  ASSERT_TRUE(maker_.make(jobs, drivers_, state_));
  Evidence small = decoded(out[0]);
  EXPECT_LE(out[0]->size(), 5000U);
  EXPECT_EQ(small.metadata, (std::vector<Bytes>{Bytes(200, 2), Bytes(3000, 1)}));
  EXPECT_EQ(decode_context(small.context)->metadata.size(), 3U) << "digests always all";
  EXPECT_EQ(decoded(out[1]).metadata, std::vector<Bytes>{Bytes(3000, 1)});
  EXPECT_EQ(decoded(out[2]).metadata.size(), 3U);
}

TEST(FitMetadata, NeverPassesTheRoom) {
  OwnMetadata own;
  for (std::uint8_t i = 1; i < 30; i++) own.items.push_back(item_of(i * 37U, i));
  for (std::size_t room = 0; room < 20000; room += 211) {
    std::size_t total = 0;
    for (const Bytes& item : fit_metadata(own, {}, room)) total += item.size();
    EXPECT_LE(total, room);
  }
  EXPECT_EQ(fit_metadata(own, {}, 1 << 20).size(), own.items.size());
}

}  // namespace
}  // namespace attest
