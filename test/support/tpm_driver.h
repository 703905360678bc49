// tpm_driver.h: the TPM driver over a fresh software TPM.
#pragma once
#include <gtest/gtest.h>

#include "drivers/table.h"
#include "test/support/swtpm.h"

namespace attest::test {

// TpmDriverTest owns the TPM, the driver's configuration and the opened driver. start makes the first two; a test that
// wants other members of the configuration sets them before open, which also opens anew.
class TpmDriverTest : public testing::Test {
 protected:
  void start(Swtpm::Options options = {}) {
    tpm_ = Swtpm::start(options);
    ASSERT_TRUE(tpm_);
    config_.state_dir = tpm_->dir() / "daemon";
    config_.tcti = tpm_->tcti();
  }
  void open() {
    opened_ = {};
    auto opened = find_driver("tpm")->open({.tpm = config_});
    ASSERT_TRUE(opened) << opened.error().what;
    opened_ = *std::move(opened);
  }
  KeyStore& keys() { return *opened_.keys; }
  // tool runs a program of tpm2-tools on this TPM; its exit code.
  int tool(std::vector<std::string> argv) {
    argv.insert(argv.begin() + 1, {"-T", tpm_->tcti()});
    return run(argv, tpm_->dir() / "tools.log");
  }

  std::unique_ptr<Swtpm> tpm_;
  TpmDriverConfig config_;
  OpenedDriver opened_;
};

}  // namespace attest::test
