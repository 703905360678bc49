// The proxy that makes a software TPM as slow as hardware.
#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "drivers/tpm/quote.h"
#include "test/support/swtpm.h"
#include "test/support/testdata.h"

namespace attest {
namespace {

TEST(SlowTpm, DelaysEveryCommandAndChangesNothing) {
  auto tpm = test::Swtpm::start();
  ASSERT_TRUE(tpm);
  std::string path = tpm->dir() / "slow", log = tpm->dir() / "slow.log";
  auto proxy = test::Child::start({"python3", test::fixture("slow_tpm.py"), path, tpm->socket(), "30"}, log);
  for (int i = 0; i < 500 && !std::filesystem::exists(path + ".ctrl"); i++)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  auto context = TpmContext::open("swtpm:path=" + path);
  ASSERT_TRUE(context) << context.error().what;
  TpmDriverConfig config;
  config.state_dir = tpm->dir() / "daemon";
  auto key = AttestationKey::open(**context, config);
  ASSERT_TRUE(key) << key.error().what;
  ASSERT_TRUE(key->handle());
  auto start = std::chrono::steady_clock::now();
  ASSERT_TRUE(tpm_quote(**context, *key, config.pcrs, {}));
  auto took = std::chrono::steady_clock::now() - start;
  EXPECT_GE(took, std::chrono::milliseconds(30));
  EXPECT_LT(took, std::chrono::milliseconds(600));  // one command, not several
  key = Error{Errc::io, "done"};  // the key goes before the context it lives in
  context->reset();
  proxy.stop();
  auto text = test::read_file(log);
  ASSERT_TRUE(text);
  EXPECT_NE(as_text(*text).find(" commands"), std::string::npos) << as_text(*text);
}

}  // namespace
}  // namespace attest
