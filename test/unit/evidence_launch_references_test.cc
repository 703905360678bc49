// Reference values computed from what machines are launched with: TDX firmware, SGX enclaves, file trees.
#include <gtest/gtest.h>
#include <openssl/rsa.h>

#include "evidence/core/crypto.h"
#include "evidence/core/hex.h"
#include "evidence/core/owned.h"
#include "evidence/dcap/sigstruct.h"
#include "evidence/dcap/td_firmware.h"
#include "evidence/logs/ima/template.h"
#include "evidence/logs/log_references.h"
#include "evidence/metadata/manifest.h"
#include "test/support/testdata.h"

namespace attest {
namespace {

// -- TDX firmware -----------------------------------------------------------------------------------------------

constexpr const char* kImage = "/usr/share/ovmf/OVMF.fd";
constexpr const char* kImageSha256 = "7b456907dd0786d415999e801a1ac4637b8ed4d7cf5378cfc6edbe5e574dd773";
constexpr std::size_t kMetadataFromEnd = 2112;

class TdFirmware : public testing::Test {
 protected:
  void SetUp() override {
    auto bytes = test::read_file(kImage);
    if (!bytes || to_hex(sha256(View(*bytes)).view()) != kImageSha256)
      GTEST_SKIP() << "the values are for Debian's package ovmf 2022.11-6+deb12u2, which is not installed here";
    image = *std::move(bytes);
    at = image.size() - kMetadataFromEnd;
  }
  std::string measure(TdOrder order) {
    auto digest = td_measurement(image, order);
    return digest ? to_hex(digest->view()) : digest.error().what;
  }
  // refused: the image with one byte of its metadata changed.
  bool refused(std::size_t offset, std::uint8_t value) {
    std::uint8_t old = std::exchange(image[at + offset], value);
    bool out = !td_measurement(image);
    image[at + offset] = old;
    return out;
  }
  Bytes image;
  std::size_t at = 0;
};

// The value of the Rust crate mosaik 0.3.13 (tee/tdx/builder/mrtd.rs), which measures section by section.
TEST_F(TdFirmware, EqualsTheIndependentCalculator) {
  EXPECT_EQ(measure(TdOrder::section),
            "acccbcc870a381adab0d3919d90a7f268ac3b0364771f202ed4bb4e892d045b33db3b32e6924cba830a724eed443f7e1");
  // Page by page no public calculator was at hand: twenty lines of Python over the specification gave this.
  EXPECT_EQ(measure(TdOrder::page),
            "4c7206f0f483c524f12c366c711e9049030a8d47c471ee5aa9c4999a08de4057fb887fed0744d5631a212967fb231c47");
}

TEST_F(TdFirmware, EveryByteOfTheFirmwareCountsAndNoneOfTheVariables) {
  std::string before = measure(TdOrder::page);
  image[100] ^= 1;  // the variable store: RTMR 0, not MRTD
  EXPECT_EQ(measure(TdOrder::page), before);
  image[0x20000] ^= 1;
  EXPECT_NE(measure(TdOrder::page), before);
}

TEST_F(TdFirmware, HostileMetadataAreRefused) {
  EXPECT_TRUE(refused(0, 'X'));       // magic
  EXPECT_TRUE(refused(8, 2));         // version
  EXPECT_TRUE(refused(13, 1));        // 256 sections
  EXPECT_TRUE(refused(16 + 3, 1));    // content outside of the image
  EXPECT_TRUE(refused(16 + 8, 1));    // address of no whole page
  EXPECT_TRUE(refused(16 + 16, 1));   // size of no whole pages
  EXPECT_TRUE(refused(16 + 18, 0));   // less memory than content
  EXPECT_TRUE(refused(16 + 23, 1));   // 72 petabytes
  Bytes whole = image;
  for (std::size_t n : {std::size_t{0}, std::size_t{31}, whole.size() - 1, whole.size() - 4096}) {
    image = Bytes(whole.begin(), whole.begin() + static_cast<long>(n));
    EXPECT_FALSE(td_measurement(image)) << n;
  }
}

// -- SGX ----------------------------------------------------------------------------------------------------------

OwnedPkey rsa_key(unsigned exponent) {
  OwnedPkeyCtx ctx(EVP_PKEY_CTX_new_from_name(private_libctx(), "RSA", nullptr));
  Owned<BIGNUM, BN_free> e(BN_new());
  EVP_PKEY* key = nullptr;
  BN_set_word(e.get(), exponent);
  EVP_PKEY_keygen_init(ctx.get());
  EVP_PKEY_CTX_set_rsa_keygen_bits(ctx.get(), 3072);
  EVP_PKEY_CTX_set1_rsa_keygen_pubexp(ctx.get(), e.get());
  EVP_PKEY_generate(ctx.get(), &key);
  return OwnedPkey(key);
}

void put(Bytes& out, std::size_t at, View bytes) { std::copy(bytes.begin(), bytes.end(), out.begin() + static_cast<long>(at)); }

// A structure as an enclave's maker signs it: little-endian numbers, the hash of head and body signed.
Bytes sigstruct() {
  static const OwnedPkey key = rsa_key(3);
  Bytes out(kSigstructBytes, 0);
  put(out, 0, *from_hex("06000000e10000000000010000000000"));
  put(out, 20, *from_hex("21112620"));
  put(out, 24, *from_hex("01010000600000006000000001000000"));
  BIGNUM* n = nullptr;
  EVP_PKEY_get_bn_param(key.get(), "n", &n);
  BN_bn2lebinpad(n, out.data() + 128, 384);
  BN_free(n);
  out[512] = 3;
  out[928] = 4, out[944] = 2;  // 64 bit; the debug attribute is fixed to 0
  put(out, 960, Bytes(32, 0xab));
  out[1024] = 7, out[1026] = 9;
  Bytes signed_part(out.begin(), out.begin() + 128);
  signed_part.insert(signed_part.end(), out.begin() + 900, out.begin() + 1028);
  Bytes signature(384);
  std::size_t size = signature.size();
  OwnedMdCtx ctx(EVP_MD_CTX_new());
  EVP_DigestSignInit_ex(ctx.get(), nullptr, "SHA256", private_libctx(), nullptr, key.get(), nullptr);
  EVP_DigestSign(ctx.get(), signature.data(), &size, signed_part.data(), signed_part.size());
  std::ranges::reverse(signature);
  put(out, 516, signature);
  return out;
}

TEST(SigstructTest, SaysWhatTheEnclaveWillMeasure) {
  Bytes bytes = sigstruct();
  auto read = parse_sigstruct(bytes);
  ASSERT_TRUE(read) << read.error().what;
  EXPECT_EQ(to_hex(read->mr_enclave.view()), to_hex(Bytes(32, 0xab)));
  EXPECT_EQ(read->mr_signer, sha256(View(bytes).subspan(128, 384)));
  EXPECT_EQ(read->isv_prod_id, 7);
  EXPECT_EQ(read->isv_svn, 9);
  EXPECT_FALSE(read->debug_allowed());
}

TEST(SigstructTest, NoProcessorWouldTakeItNorDoWe) {
  Bytes good = sigstruct();
  for (std::size_t at : {std::size_t{960}, std::size_t{1024}, std::size_t{20}, std::size_t{520}, std::size_t{200}}) {
    Bytes bad = good;
    bad[at] ^= 1;
    EXPECT_FALSE(parse_sigstruct(bad)) << at;
  }
  Bytes longer = good, exponent = good;
  longer.push_back(0);
  exponent[512] = 1;
  EXPECT_FALSE(parse_sigstruct(longer));
  EXPECT_FALSE(parse_sigstruct(exponent));
  EXPECT_FALSE(parse_sigstruct(View(good).first(1807)));
}

// -- files as IMA measures them -----------------------------------------------------------------------------------

// Every entry of a real list comes out the same when it is computed from the file's digest and name.
TEST(ImaReferences, AFileGivesWhatTheKernelRecorded) {
  auto bytes = test::read_file(std::string(ATTEST_SOURCE_DIR) + "/test/fixtures/boots/tis/ima.bin");
  ASSERT_TRUE(bytes);
  auto list = parse_ima_list(*bytes);
  ASSERT_TRUE(list);
  auto from_list = ima_references(*list);
  ASSERT_TRUE(from_list);
  std::size_t compared = 0;
  for (const ImaEntry& entry : list->entries) {
    if (entry.violation()) continue;
    ImaHint hint = ima_hint(entry.template_name, entry.data);
    Bytes signature = to_bytes(ima::field_of(entry.template_name, entry.data, "sig"));
    ImaFile file{hint.name, *hash_alg_from_name(hint.digest_alg), Digest::of(hint.digest), signature};
    auto value = ima_file_reference(entry.template_name, file);
    ASSERT_TRUE(value);
    const ReferenceValue& known = (*from_list)[compared++];
    EXPECT_EQ(*value->hash(HashAlg::sha256), *known.hash(HashAlg::sha256)) << hint.name;
    EXPECT_EQ(*value->hash(HashAlg::sha1), *known.hash(HashAlg::sha1)) << hint.name;
  }
  EXPECT_GT(compared, 10U);
  EXPECT_EQ(compared, from_list->size());
}

TEST(ImaReferences, TemplatesDifferAndUnknownOnesAreRefused) {
  ImaFile file{"/usr/bin/ls", HashAlg::sha256, Digest::filled(HashAlg::sha256, 7), {3, 2, 4}};
  auto ng = ima_file_reference("ima-ng", file), sig = ima_file_reference("ima-sig", file), v2 = ima_file_reference("ima-ngv2", file);
  ASSERT_TRUE(ng && sig && v2);
  EXPECT_NE(*ng->hash(HashAlg::sha256), *sig->hash(HashAlg::sha256));
  EXPECT_NE(*ng->hash(HashAlg::sha256), *v2->hash(HashAlg::sha256));
  EXPECT_FALSE(ima_file_reference("ima", file));  // SHA-1 alone
  EXPECT_FALSE(ima_file_reference("ima-modsig", file));
  file.alg = HashAlg::sha1, file.digest = Digest::filled(HashAlg::sha1, 7);
  EXPECT_TRUE(ima_file_reference("ima", file));
}

TEST(ImaReferences, AreComponentsOfAManifest) {
  ReferenceValue value = *ima_file_reference("ima-ng", {"/bin/sh", HashAlg::sha256, Digest::filled(HashAlg::sha256, 1), {}});
  auto read = parse_components(as_view(write_components({value})));
  ASSERT_TRUE(read);
  ASSERT_EQ(read->size(), 1U);
  EXPECT_EQ((*read)[0].reg, 10U);
  EXPECT_TRUE((*read)[0].optional);
  EXPECT_EQ(*(*read)[0].hash(HashAlg::sha256), *value.hash(HashAlg::sha256));
}

}  // namespace
}  // namespace attest
