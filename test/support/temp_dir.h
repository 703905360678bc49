// temp_dir.h: a folder of a test's own.
#pragma once
#include <filesystem>
#include <string>

namespace attest::test {

// TempDir is an empty folder with mode 0700, removed with all it holds when it dies. path() is empty when it
// could not be made.
class TempDir {
 public:
  TempDir();
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  const std::filesystem::path& path() const { return path_; }
  std::string file(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

}  // namespace attest::test
