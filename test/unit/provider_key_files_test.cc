// Files that are no sound key reference, files that hold more than one thing, and who wins a default fetch.
#include <gtest/gtest.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/provider.h>
#include <openssl/store.h>

#include <fstream>

#include "evidence/core/hex.h"
#include "evidence/native/key_reference.h"
#include "evidence/tpm/tss2_key.h"
#include "test/support/key_program.h"
#include "test/support/testdata.h"

namespace attest::test {
namespace {

struct FilesTest : testing::Test {
  FilesTest() { ERR_clear_error(); }
  KeyDaemon keys;
  EVP_PKEY* real = keys.generate("web", "P-256");
  KeyProgram program{keys.daemon().socket()};
  std::string pem = reference_pem(keys, "web");

  void is_refused(std::string_view text) {
    EXPECT_FALSE(program.read_pem(text)) << text;
    std::string errors = errors_text();
    EXPECT_TRUE(errors.starts_with("attest::key.reference: ")) << errors << text;
  }
};

TEST_F(FilesTest, GarbageTruncatedAndTrailingReferencesAreRefused) {
  std::string garbage = pem;
  garbage[60] = '*';
  is_refused(garbage);
  is_refused(pem.substr(0, 100));
  is_refused(pem.substr(0, pem.size() - 34));
  std::string header = pem;
  header.insert(header.find('\n') + 1, "Proc-Type: 4,ENCRYPTED\n\n");
  is_refused(header);
  Bytes der = *encode_key_reference({"web", "", keys.spki_der("web")});
  der.push_back(0);
  is_refused("-----BEGIN ATTEST KEY REFERENCE-----\n" + to_base64(der) +
             "\n-----END ATTEST KEY REFERENCE-----\n");
  is_refused("-----BEGIN ATTEST KEY REFERENCE-----\n" + std::string(20000, 'A'));
}

Bytes key_file_of(EVP_PKEY* key) {
  Bytes der(kMaxKeyFile);
  std::size_t size = 0;
  if (EVP_PKEY_get_octet_string_param(key, "attest-key-file", der.data(), der.size(), &size) != 1) size = 0;
  der.resize(size);
  return der;
}

// What tpm2-openssl wrote: our decoder reads it, and the daemon gets the file with what it shall sign.
TEST_F(FilesTest, Tss2KeyFilesAreReadAndTravelWithEachCall) {
  std::string text(as_text(*read_file(fixture("keys/tpm2-openssl.pem"))));
  Bytes der = *tss2_key_der(text);
  OwnedPkey key = program.read_pem(text);
  ASSERT_TRUE(key) << errors_text();
  EXPECT_EQ(provider_of(key.get()), "attest");
  EXPECT_TRUE(EVP_PKEY_is_a(key.get(), "EC"));
  EXPECT_EQ(spki_of(key.get()), *tss2_public(*parse_tss2_key(der))->spki_der());
  EXPECT_EQ(key_file_of(key.get()), der);
  EXPECT_EQ(ERR_peek_error(), 0U) << errors_text();
  OwnedPkey reference = program.read_pem(pem);
  EXPECT_TRUE(key_file_of(reference.get()).empty());
  EXPECT_TRUE(key_file_of(real).empty());
  EXPECT_EQ(ERR_peek_error(), 0U) << errors_text();
}

TEST_F(FilesTest, Tss2KeyFilesThatCannotServeAreRefused) {
  std::string text(as_text(*read_file(fixture("keys/tpm2-openssl.pem"))));
  is_refused(text.substr(0, 100) + text.substr(110));
  is_refused(text.substr(0, text.size() - 34));
  Tss2Key key = *parse_tss2_key_pem(text);
  key.empty_auth = false;
  is_refused(*tss2_key_pem(key));
  Bytes der = *tss2_key_der(text);
  der.push_back(0);
  is_refused("-----BEGIN TSS2 PRIVATE KEY-----\n" + to_base64(der) + "\n-----END TSS2 PRIVATE KEY-----\n");
}

TEST_F(FilesTest, EveryTruncationFailsCleanly) {
  for (std::size_t n = 0; n + 34 < pem.size(); n += 7) EXPECT_FALSE(program.read_pem(pem.substr(0, n))) << n;
}

std::string reference_to(View spki) { return *key_reference_pem({"web", "", to_bytes(spki)}); }

TEST_F(FilesTest, OtherKeysThanOursAreRefused) {
  OSSL_LIB_CTX* ctx = program.libctx();
  is_refused(reference_to(spki_of(OwnedPkey(EVP_PKEY_Q_keygen(ctx, nullptr, "EC", "P-521")).get())));
  is_refused(reference_to(spki_of(OwnedPkey(EVP_PKEY_Q_keygen(ctx, nullptr, "EC", "secp256k1")).get())));
  is_refused(reference_to(spki_of(OwnedPkey(EVP_PKEY_Q_keygen(ctx, nullptr, "ED25519")).get())));
  is_refused(
      reference_to(spki_of(OwnedPkey(EVP_PKEY_Q_keygen(ctx, nullptr, "RSA", std::size_t{1024})).get())));
  Bytes curve = keys.spki_der("web");  // the last octet of the curve's OID
  curve[22] ^= 0x40;
  is_refused(reference_to(curve));
  Bytes trailing = keys.spki_der("web");
  trailing.push_back(0);
  is_refused(reference_to(trailing));
  Bytes off_curve = keys.spki_der("web");
  off_curve.back() ^= 1;
  is_refused(reference_to(off_curve));
  is_refused(reference_to(Bytes(91, 0)));
}

TEST_F(FilesTest, OtherFilesAreReadAsIfWeWereNotThere) {
  OwnedBio out(BIO_new(BIO_s_mem()));
  ASSERT_EQ(PEM_write_bio_PrivateKey(out.get(), real, nullptr, nullptr, 0, nullptr, nullptr), 1);
  char* text = nullptr;
  auto size = static_cast<std::size_t>(BIO_get_mem_data(out.get(), &text));
  OwnedPkey key = program.read_pem({text, size});
  ASSERT_TRUE(key) << errors_text();
  EXPECT_EQ(provider_of(key.get()), "default");
  EXPECT_FALSE(program.read_pem("no PEM at all"));
  EXPECT_EQ(errors_text().find("attest::"), std::string::npos);
}

std::string cert_pem(X509* cert) {
  OwnedBio out(BIO_new(BIO_s_mem()));
  EXPECT_EQ(PEM_write_bio_X509(out.get(), cert), 1);
  char* text = nullptr;
  auto size = static_cast<std::size_t>(BIO_get_mem_data(out.get(), &text));
  return {text, size};
}

TEST_F(FilesTest, AReferenceBesideCertificatesInOneFileIsFound) {
  OwnedX509 cert = self_signed(real);
  for (const std::string& text :
       {cert_pem(cert.get()) + pem, pem + cert_pem(cert.get()), "key of web:\n" + pem}) {
    OwnedPkey key = program.read_pem(text);
    ASSERT_TRUE(key) << errors_text() << text;
    EXPECT_EQ(provider_of(key.get()), "attest");
  }
}

TEST_F(FilesTest, AStoreReadsKeyAndCertificatesFromOneFile) {
  TempDir folder;
  OwnedX509 cert = self_signed(real);
  std::ofstream(folder.file("both.pem")) << cert_pem(cert.get()) << pem << cert_pem(cert.get());
  OSSL_STORE_CTX* store = OSSL_STORE_open_ex(folder.file("both.pem").c_str(), program.libctx(), nullptr,
                                             nullptr, nullptr, nullptr, nullptr, nullptr);
  ASSERT_NE(store, nullptr);
  std::vector<int> found;
  while (!OSSL_STORE_eof(store)) {
    OSSL_STORE_INFO* info = OSSL_STORE_load(store);
    if (info == nullptr) break;
    found.push_back(OSSL_STORE_INFO_get_type(info));
    OSSL_STORE_INFO_free(info);
  }
  OSSL_STORE_close(store);
  EXPECT_EQ(found, (std::vector<int>{OSSL_STORE_INFO_CERT, OSSL_STORE_INFO_PKEY, OSSL_STORE_INFO_CERT}))
      << errors_text();
}

TEST_F(FilesTest, UrisThatNameNoKeyAreRefused) {
  EXPECT_FALSE(program.read_uri("attest:../web"));
  EXPECT_NE(errors_text().find("attest::key.reference: "),
            std::string::npos);  // after the file that was tried first
  EXPECT_FALSE(program.read_uri("attest:other"));
  std::string errors = errors_text();
  EXPECT_TRUE(errors.starts_with("attest::key.unknown: ")) << errors;
  keys.daemon().stop();
  EXPECT_FALSE(program.read_uri("attest:web"));
  errors = errors_text();
  EXPECT_TRUE(errors.starts_with("attest::daemon.unreachable: ")) << errors;
}

TEST_F(FilesTest, AReferenceMayNameASocketOfItsOwn) {
  KeyProgram elsewhere("/nonexistent/socket");
  OwnedPkey key = elsewhere.read_pem(reference_pem(keys, "web", keys.daemon().socket()));
  ASSERT_TRUE(key);
  EXPECT_EQ(provider_of(key.get()), "attest");
}

// With and without the property of conf/openssl.cnf, whoever loads default, also after OpenSSL sorted the
// providers by name (which happens when another one is looked up).
struct FetchTest : testing::TestWithParam<std::tuple<bool, bool, bool>> {
  FetchTest() : program(options()) { ERR_clear_error(); }
  static KeyProgram::Options options() {
    auto [property, default_by_attest, unused] = GetParam();
    KeyProgram::Options out;
    out.properties = property ? "?provider!=attest" : nullptr;
    out.default_by_attest = default_by_attest;
    return out;
  }
  void SetUp() override {
    if (!std::get<2>(GetParam())) return;
    another.reset(OSSL_PROVIDER_load(program.libctx(), "base"));
    ASSERT_TRUE(another);
  }
  KeyProgram program;
  Owned<OSSL_PROVIDER, OSSL_PROVIDER_unload> another;
};
INSTANTIATE_TEST_SUITE_P(Order, FetchTest,
                         testing::Combine(testing::Bool(), testing::Bool(), testing::Bool()));

TEST_P(FetchTest, OursNeverWinsADefaultFetch) {
  for (const char* name : {"EC", "RSA"}) {
    EVP_KEYMGMT* keymgmt = EVP_KEYMGMT_fetch(program.libctx(), name, nullptr);
    ASSERT_NE(keymgmt, nullptr);
    EXPECT_STREQ(OSSL_PROVIDER_get0_name(EVP_KEYMGMT_get0_provider(keymgmt)), "default") << name;
    EVP_KEYMGMT_free(keymgmt);
  }
  for (const char* name : {"ECDSA", "RSA"}) {
    EVP_SIGNATURE* signature = EVP_SIGNATURE_fetch(program.libctx(), name, nullptr);
    ASSERT_NE(signature, nullptr);
    EXPECT_STREQ(OSSL_PROVIDER_get0_name(EVP_SIGNATURE_get0_provider(signature)), "default") << name;
    EVP_SIGNATURE_free(signature);
  }
}

TEST_P(FetchTest, KeysAreMadeAndPeersVerifiedByDefault) {
  OSSL_LIB_CTX* ctx = program.libctx();
  OwnedPkey made(EVP_PKEY_Q_keygen(ctx, nullptr, "EC", "P-256"));
  ASSERT_TRUE(made) << errors_text();
  EXPECT_EQ(provider_of(made.get()), "default");
  OwnedX509 cert = self_signed(made.get());
  OwnedX509 read(X509_new_ex(ctx, nullptr));
  OwnedBio bio(BIO_new(BIO_s_mem()));
  ASSERT_EQ(i2d_X509_bio(bio.get(), cert.get()), 1);
  X509* into = read.get();
  ASSERT_NE(d2i_X509_bio(bio.get(), &into), nullptr);
  EXPECT_EQ(provider_of(X509_get0_pubkey(read.get())), "default");
  EXPECT_EQ(X509_verify(read.get(), made.get()), 1) << errors_text();
}

// The last defence: asked for by name, ours neither makes nor takes keys.
TEST(NoImport, OursNeitherMakesNorTakesKeys) {
  KeyDaemon keys;
  KeyProgram program(keys.daemon().socket());
  for (auto [type, algorithm] : {std::pair{"EC", "P-256"}, {"RSA", "RSA-2048"}}) {
    OwnedPkeyCtx ctx(EVP_PKEY_CTX_new_from_name(program.libctx(), type, "provider=attest"));
    ASSERT_TRUE(ctx);
    EXPECT_LE(EVP_PKEY_keygen_init(ctx.get()), 0);
    OSSL_PARAM* params = nullptr;
    ASSERT_EQ(EVP_PKEY_todata(keys.generate(type, algorithm), EVP_PKEY_PUBLIC_KEY, &params), 1);
    EVP_PKEY* key = nullptr;
    bool taken = EVP_PKEY_fromdata_init(ctx.get()) == 1 &&
                 EVP_PKEY_fromdata(ctx.get(), &key, EVP_PKEY_PUBLIC_KEY, params) == 1;
    EXPECT_FALSE(taken) << type;
    EVP_PKEY_free(key);
    OSSL_PARAM_free(params);
  }
}

}  // namespace
}  // namespace attest::test
