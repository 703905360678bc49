// Launch measurements of Debian's OVMF against the values an independent calculator gives: sev-snp-measure 0.0.13 (Python).
#include "evidence/snp/launch.h"

#include <gtest/gtest.h>

#include "evidence/core/hex.h"
#include "test/support/testdata.h"

namespace attest {
namespace {

// The image of Debian's package ovmf 2022.11-6+deb12u2, on which the values below were computed.
constexpr const char* kImage = "/usr/share/ovmf/OVMF.fd";
constexpr const char* kImageSha256 = "7b456907dd0786d415999e801a1ac4637b8ed4d7cf5378cfc6edbe5e574dd773";
constexpr std::size_t kLastSection = 2095892;  // of its SEV metadata

class SnpLaunchTest : public testing::Test {
 protected:
  void SetUp() override {
    auto bytes = test::read_file(kImage);
    if (!bytes || to_hex(sha256(View(*bytes)).view()) != kImageSha256)
      GTEST_SKIP() << "the values are for Debian's package ovmf 2022.11-6+deb12u2, which is not installed here";
    image = *std::move(bytes);
  }
  std::string measure(unsigned vcpus, const char* model, SnpVmm vmm = SnpVmm::qemu, std::optional<SnpDirectKernel> kernel = {}) {
    auto digest = snp_launch_measurement({image, vcpus, vcpu_signature(model).value_or(0), 1, vmm, kernel});
    return digest ? to_hex(digest->view()) : digest.error().what;
  }
  // with_place_for_hashes turns the last section into one for kernel hashes, as builds for direct boot have it.
  void with_place_for_hashes() {
    image[kLastSection + 4] = 0, image[kLastSection + 5] = 0x10, image[kLastSection + 6] = 0;
    image[kLastSection + 8] = 0x10;
  }
  Bytes image;
};

TEST_F(SnpLaunchTest, EqualsTheIndependentCalculator) {
  EXPECT_EQ(measure(1, "EPYC-v4"),
            "11570979c77a0adb515761a702527c8b9e11554e730552621d950988613a3a75c6ff1703f540bd22a9beede8fe7a97e3");
  EXPECT_EQ(measure(4, "EPYC-v4"),
            "32ac9d7a17d28f7cd4404a4516d2f00519668c40ada2062351c36767e908eb3f090d66c33ab10f80150e00a4385b6d0f");
  EXPECT_EQ(measure(2, "EPYC-Genoa"),
            "143c7e1f11948ce6cbc700b16c3acff0797146df54b0b3d6c5899dc30dc8e31c34a2217d162a219bbbf7a2a1aedd104a");
  EXPECT_EQ(measure(2, "EPYC-Genoa", SnpVmm::ec2),
            "7f6fef705ba886215518820a96b21feaa2f874814889d8b5a776b1abf0058c913ca457043ab5a3092f35847c3078c93c");
}

TEST_F(SnpLaunchTest, KernelHashesAreMeasuredWhereTheFirmwareHasAPlace) {
  SnpDirectKernel kernel{as_view("kernel"), as_view("initrd"), "console=ttyS0"};
  EXPECT_NE(measure(2, "EPYC-Milan", SnpVmm::qemu, kernel).find("would not be measured"), std::string::npos);
  with_place_for_hashes();
  EXPECT_EQ(measure(2, "EPYC-Milan", SnpVmm::qemu, kernel),
            "8a8302239b066e9214612eca813931d5f0e2fe2aa90b917d20e85b10ae5ab0affc8293fd20ce48f58dfa31c858ba9938");
  kernel.command_line = "console=ttyS1";
  EXPECT_NE(measure(2, "EPYC-Milan", SnpVmm::qemu, kernel).substr(0, 12), "8a8302239b06");
}

TEST_F(SnpLaunchTest, HostileImagesAreRefused) {
  Bytes good = image;
  for (std::size_t n : {std::size_t{4095}, std::size_t{4096}, good.size() - 1, good.size() - 4096}) {
    image = Bytes(good.begin(), good.begin() + static_cast<long>(n));
    EXPECT_FALSE(snp_launch_measurement({image, 1, 0, 1, SnpVmm::qemu, {}})) << n;
  }
  image = good;
  image[kLastSection + 7] = 0x7f;  // two gigabytes
  EXPECT_FALSE(snp_launch_measurement({image, 1, 0, 1, SnpVmm::qemu, {}}));
  image = good;
  image[kLastSection + 8] = 0x55;
  EXPECT_FALSE(snp_launch_measurement({image, 1, 0, 1, SnpVmm::qemu, {}}));
  EXPECT_FALSE(snp_launch_measurement({good, 0, 0, 1, SnpVmm::qemu, {}}));
  EXPECT_FALSE(snp_launch_measurement({good, 5000, 0, 1, SnpVmm::qemu, {}}));
}

}  // namespace
}  // namespace attest
