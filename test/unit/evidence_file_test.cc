#include "evidence/core/file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

namespace attest {
namespace {

class Files : public ::testing::Test {
 protected:
  Files() {
    std::string pattern = std::filesystem::temp_directory_path() / "attest-file-XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
  }
  ~Files() override { std::filesystem::remove_all(folder_); }
  std::string folder_;
};

TEST_F(Files, WritesThenReadsBack) {
  std::string path = folder_ + "/a";
  ASSERT_TRUE(write_file_atomic(path, as_view("one"), 0600));
  ASSERT_TRUE(write_file_atomic(path, as_view("two"), 0640));
  auto read = read_file(path, 3);
  ASSERT_TRUE(read);
  EXPECT_EQ(as_text(*read), "two");
  struct stat st {};
  ASSERT_EQ(::stat(path.c_str(), &st), 0);
  EXPECT_EQ(st.st_mode & 07777, 0640u);
  auto entries = std::filesystem::directory_iterator(folder_);
  EXPECT_EQ(std::distance(begin(entries), end(entries)), 1);
}

TEST_F(Files, RefusesMoreThanTheBound) {
  std::string path = folder_ + "/a";
  ASSERT_TRUE(write_file_atomic(path, as_view("four")));
  auto read = read_file(path, 3);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, Errc::malformed);
}

TEST_F(Files, ReadsFilesThatClaimSizeZero) {
  auto read = read_file("/proc/self/status", 1 << 20);
  ASSERT_TRUE(read);
  EXPECT_FALSE(read->empty());
}

TEST_F(Files, FailuresAreIo) {
  EXPECT_EQ(read_file(folder_, 10).error().code, Errc::io);
  EXPECT_EQ(read_file(folder_ + "/none", 10).error().code, Errc::io);
  EXPECT_EQ(write_file_atomic(folder_ + "/none/a", as_view("x")).error().code, Errc::io);
}

}  // namespace
}  // namespace attest
