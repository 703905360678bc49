#include "test/support/azure_vtpm.h"

#include "evidence/core/file.h"
#include "evidence/tpm/signing_key.h"
#include "test/support/azure_maker.h"
#include "test/support/child.h"
#include "test/support/recording.h"
#include "test/support/testdata.h"

namespace attest::test {

Bytes platform_key(const Swtpm& tpm) {
  auto file = [&](const char* name) { return (tpm.dir() / name).string(); };
  const std::vector<std::vector<std::string>> steps{
      {"tpm2_createek", "-c", file("ek"), "-G", "rsa"},
      {"tpm2_createak", "-C", file("ek"), "-c", file("ak"), "-G", "rsa", "-g", "sha256", "-s", "rsassa"},
      {"tpm2_flushcontext", "-t"},
      {"tpm2_evictcontrol", "-C", "o", "-c", file("ak"), "0x81000003"},
      {"tpm2_readpublic", "-c", "0x81000003", "-f", "der", "-o", file("spki.der")},
      {"tpm2_flushcontext", "-t"}};
  for (std::vector<std::string> argv : steps) {
    argv.insert(argv.begin() + 1, {"-T", tpm.tcti()});
    if (run(argv, file("tools.log")) != 0) return {};
  }
  return modulus_of(must(read_signing_key(read_file(file("spki.der")).value_or(Bytes{}))).area.key.get());
}

bool store_hcl(const Swtpm& tpm, const Bytes& report) {
  std::string path = (tpm.dir() / "hcl").string(), log = (tpm.dir() / "tools.log").string();
  return write_file_atomic(path, report) &&
         run({"tpm2_nvdefine", "-T", tpm.tcti(), "0x01400001", "-C", "o", "-s", std::to_string(report.size()), "-a",
              "ownerread|authread|ownerwrite"}, log) == 0 &&
         run({"tpm2_nvwrite", "-T", tpm.tcti(), "0x01400001", "-C", "o", "-i", path}, log) == 0;
}

}  // namespace attest::test
