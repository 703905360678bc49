// replay_main.cc: runs a fuzz target over its corpus without libFuzzer, so that ctest and the sanitizers of
// any compiler see every input that was ever worth keeping.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

namespace fs = std::filesystem;

bool replay(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return false;
  std::vector<char> bytes{std::istreambuf_iterator<char>(in), {}};
  // A copy of the exact size, so that the address sanitizer sees the first byte read too far.
  std::vector<std::uint8_t> exact(bytes.begin(), bytes.end());
  exact.shrink_to_fit();
  LLVMFuzzerTestOneInput(exact.data(), exact.size());
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  std::size_t inputs = 0;
  LLVMFuzzerTestOneInput(nullptr, 0);
  for (int i = 1; i < argc; i++) {
    std::error_code failed;
    for (const auto& entry : fs::directory_iterator(argv[i], failed)) {
      if (!entry.is_regular_file()) continue;
      if (!replay(entry.path())) {
        std::fprintf(stderr, "%s: cannot be read\n", entry.path().c_str());
        return 1;
      }
      inputs++;
    }
  }
  std::printf("%zu inputs replayed\n", inputs);
  if (inputs > 0) return 0;
  std::fprintf(stderr, "no corpus: a fuzz target needs at least one input\n");
  return 1;
}
