#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <sys/stat.h>

#include "apps/attest-epochd/commands.h"
#include "evidence/core/file.h"
#include "test/support/machine_daemon.h"
#include "test/support/temp_dir.h"

namespace attest::epochd {
namespace {

using attest::test::TempDir;

// The end of a certificate's TLS server: a self-signed one for localhost.
struct TlsFiles {
  explicit TlsFiles(const TempDir& dir) : cert(dir.file("tls.pem")), key(dir.file("tls.key")) {
    attest::test::TestCert made = attest::test::leaf("localhost");
    EXPECT_TRUE(write_file_atomic(cert, as_view(made.pem())));
    OwnedBio bio(BIO_new_file(key.c_str(), "w"));
    EXPECT_EQ(PEM_write_bio_PrivateKey(bio.get(), made.key.get(), nullptr, nullptr, 0, nullptr, nullptr), 1);
  }
  std::string cert, key;
};

class Epochd : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(make_key(state())); }
  std::filesystem::path state() const { return dir_.path() / "state"; }
  std::string public_key() const { return state() / kPublicFile; }
  Result<Verified<EpochId>> read(View bytes) const {
    auto key = read_p256(*read_distributor_key(*read_file(public_key(), 1000)));
    auto signed_epoch = decode_signed_epoch(bytes);
    EXPECT_TRUE(signed_epoch);
    return verify_epoch(*signed_epoch, key->get());
  }
  FetchOptions fetching(const std::string& from) const {
    FetchOptions options;
    options.url = from;
    options.key = public_key();
    options.out = dir_.file("epoch-id");
    return options;
  }
  TempDir dir_;
};

TEST_F(Epochd, TheKeyIsMadeOnceAndForOneUser) {
  struct stat info {};
  ASSERT_EQ(::stat((state() / kKeyFile).c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600U);
  EXPECT_EQ(make_key(state()).error().code, Errc::denied);
  ::chmod((state() / kKeyFile).c_str(), 0640);
  EXPECT_EQ(Distributor::open(state()).error().code, Errc::denied) << "others can read it";
}

TEST_F(Epochd, TimeAndSequenceNeverGoBack) {
  auto distributor = Distributor::open(state());
  ASSERT_TRUE(distributor) << distributor.error().what;
  auto first = distributor->next(1800000000), second = distributor->next(1800000000);
  ASSERT_TRUE(first && second);
  EXPECT_EQ((*read(*first))->time, 1800000000);
  EXPECT_LT((*read(*first))->sequence, (*read(*second))->sequence);
  EXPECT_NE((*read(*first))->random, (*read(*second))->random);
  EXPECT_EQ(distributor->next(1799999999).error().code, Errc::stale);
  auto again = Distributor::open(state());
  ASSERT_TRUE(again);
  EXPECT_EQ(again->last().sequence, distributor->last().sequence);
  EXPECT_EQ(again->next(1799999999).error().code, Errc::stale) << "a restart forgets nothing";
  std::filesystem::remove(state() / kLastFile);
  auto forgetful = Distributor::open(state());
  ASSERT_TRUE(forgetful);
  auto third = forgetful->next(1800000100);
  EXPECT_GT((*read(*third))->sequence, (*read(*second))->sequence) << "sequences begin at the time";
  EXPECT_TRUE(write_file_atomic(state() / kLastFile, as_view("soon")));
  EXPECT_EQ(Distributor::open(state()).error().code, Errc::malformed);
}

TEST_F(Epochd, OnlyNewerOnesOfTheRightKeyAreFetched) {
  auto distributor = Distributor::open(state());
  std::string from = dir_.file("from");
  FetchOptions options = fetching(from);
  EXPECT_FALSE(fetch_once(options)) << "nothing is there";
  Bytes first = *distributor->next(1800000000), second = *distributor->next(1800000005);
  ASSERT_TRUE(write_file_atomic(from, second));
  ASSERT_TRUE(fetch_once(options));
  EXPECT_EQ(*read_file(options.out, 1000), second);
  EXPECT_TRUE(fetch_once(options)) << "the same again is no error";
  ASSERT_TRUE(write_file_atomic(from, first));
  EXPECT_EQ(fetch_once(options).error().code, Errc::stale);
  ASSERT_TRUE(make_key(dir_.path() / "other"));
  ASSERT_TRUE(write_file_atomic(from, *Distributor::open(dir_.path() / "other")->next(1800000010)));
  EXPECT_EQ(fetch_once(options).error().code, Errc::untrusted);
  EXPECT_EQ(*read_file(options.out, 1000), second) << "what was there stays";
  options.url = "http://localhost/epoch-id";
  EXPECT_EQ(fetch_once(options).error().code, Errc::unsupported);
}

TEST_F(Epochd, ServesOverHttpsToWhoChecksItsName) {
  TlsFiles tls(dir_);
  auto distributor = Distributor::open(state());
  Bytes epoch = *distributor->next(wall_clock_now());
  Bytes none;
  const Bytes* current = &none;
  auto server = Server::start({"127.0.0.1:0", tls.cert, tls.key}, [&current] { return *current; });
  ASSERT_TRUE(server) << server.error().what;
  std::string url = "https://localhost:" + std::to_string((*server)->port()) + "/epoch-id";
  EXPECT_FALSE(https_get(url, tls.cert, kMaxEpochBytes)) << "503 before the first";
  current = &epoch;
  FetchOptions options = fetching(url);
  options.ca = tls.cert;
  Status fetched = fetch_once(options);
  EXPECT_TRUE(fetched) << fetched.error().what;
  EXPECT_EQ(*read_file(options.out, 1000), epoch);
  EXPECT_FALSE(https_get(url + "s", tls.cert, kMaxEpochBytes)) << "404";
  EXPECT_EQ(https_get(url, "", kMaxEpochBytes).error().code, Errc::untrusted) << "not a root of the system";
  std::string by_address = "https://127.0.0.1:" + std::to_string((*server)->port()) + "/epoch-id";
  EXPECT_EQ(https_get(by_address, tls.cert, kMaxEpochBytes).error().code, Errc::untrusted) << "the certificate is for a name";
}

TEST_F(Epochd, ServeDropsFilesUntilItIsStopped) {
  ServeOptions options;
  options.state = state();
  options.file = dir_.file("dropped");
  std::vector<Bytes> seen;
  Status served = serve(options, [](const std::string&) {}, [&](std::chrono::seconds) {
    seen.push_back(*read_file(options.file, 1000));
    return seen.size() == 3;
  });
  EXPECT_TRUE(served) << served.error().what;
  ASSERT_EQ(seen.size(), 3U);
  EXPECT_LT((*read(seen[0]))->sequence, (*read(seen[2]))->sequence);
  auto text = describe_file(options.file, public_key());
  ASSERT_TRUE(text);
  EXPECT_NE(text->find("number "), std::string::npos);
}

}  // namespace
}  // namespace attest::epochd
