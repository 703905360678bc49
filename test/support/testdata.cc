#include "test/support/testdata.h"

#include <fstream>
#include <iterator>

namespace attest::test {

std::optional<Bytes> read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return std::nullopt;
  return Bytes(std::istreambuf_iterator<char>(in), {});
}

std::string testdata(const std::string& relative) { return std::string(ATTEST_TESTDATA) + "/" + relative; }
std::string fixture(const std::string& relative) {
  return std::string(ATTEST_SOURCE_DIR) + "/test/fixtures/" + relative;
}

}  // namespace attest::test
