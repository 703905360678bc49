// testdata.h: files for tests.
#pragma once
#include <optional>
#include <string>

#include "evidence/core/bytes.h"

namespace attest::test {

// read_file: the whole file, or nullopt where it is absent.
std::optional<Bytes> read_file(const std::string& path);
// testdata names a file below ../shared/testdata; fixture one below test/fixtures.
std::string testdata(const std::string& relative);
std::string fixture(const std::string& relative);

}  // namespace attest::test
