#include "test/support/temp_dir.h"

#include <cstdlib>

namespace attest::test {

TempDir::TempDir() {
  std::string name = std::filesystem::temp_directory_path() / "attest-test-XXXXXX";
  if (mkdtemp(name.data()) != nullptr) path_ = name;
}

TempDir::~TempDir() {
  std::error_code ignored;
  if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
}

}  // namespace attest::test
