// The built module inside the `openssl` program, as an administrator would configure it.
#include <gtest/gtest.h>
#include <openssl/pem.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "test/support/child.h"
#include "test/support/key_program.h"

namespace attest::test {
namespace {

struct ProgramsTest : testing::TestWithParam<const char*> {
  void SetUp() override {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    GTEST_SKIP()
        << "the installed openssl cannot load a module built with sanitizers; the plain build runs this";
#endif
    real = keys.generate("web", GetParam());
    OwnedX509 cert = self_signed(real);
    OwnedBio out(BIO_new_file(dir.file("cert.pem").c_str(), "w"));
    ASSERT_EQ(PEM_write_bio_X509(out.get(), cert.get()), 1);
    std::ofstream(dir.file("ref.pem")) << reference_pem(keys, "web");
    std::ofstream(dir.file("openssl.cnf"))
        << "openssl_conf = init\n[init]\nproviders = list\nalg_section = algs\n"
           "[list]\nattest = module\n[module]\nmodule = " ATTEST_BINARY_DIR
           "/provider/attest.so\nactivate = 1\nattest-socket = "
        << keys.daemon().socket()
        << "\nattest-server = off\nattest-client = off\nattest-evidence = no\n"
           "[algs]\ndefault_properties = ?provider!=attest\n";
  }
  // openssl is the command line of the tool, with the module or without.
  std::vector<std::string> openssl(bool module, const std::string& arguments) const {
    std::vector<std::string> argv{"env", "OPENSSL_CONF=" + (module ? dir.file("openssl.cnf") : "/dev/null"),
                                  "openssl"};
    std::istringstream words(arguments);
    for (std::string word; words >> word;)
      argv.push_back(word.starts_with("@") ? dir.file(word.substr(1)) : word);
    return argv;
  }
  std::string text(const std::string& name) const {
    std::ostringstream out;
    out << std::ifstream(dir.file(name)).rdbuf();
    return out.str();
  }
  int with_module(const std::string& arguments) const {
    return run(openssl(true, arguments), dir.file("out"));
  }
  // handshake runs s_server in the background and s_client against it; the client's exit code.
  int handshake_of_programs(bool server_has_module, const std::string& server,
                            const std::string& client) const {
    Child s = Child::start(openssl(server_has_module, "s_server -www -tls1_3 -unix @tls " + server),
                           dir.file("server"));
    for (int i = 0; i < 200 && !std::filesystem::exists(dir.file("tls")); i++)
      std::this_thread::sleep_for(std::chrono::milliseconds(25));
    int code = run(
        openssl(!server_has_module, "s_client -tls1_3 -unix @tls -CAfile @cert.pem -partial_chain " + client),
        dir.file("client"));
    s.stop();
    std::filesystem::remove(dir.file("tls"));
    return code;
  }
  KeyDaemon keys;
  TempDir dir;
  EVP_PKEY* real = nullptr;
};
INSTANTIATE_TEST_SUITE_P(Algorithms, ProgramsTest, testing::Values("P-256", "P-384", "RSA-2048", "RSA-3072"),
                         [](const auto& row) {
                           std::string name = row.param;
                           std::erase(name, '-');
                           return name;
                         });

TEST_P(ProgramsTest, TheServerSignsByTheDaemonWithAFileOrAUri) {
  for (const char* key : {"@ref.pem", "attest:web"}) {
    EXPECT_EQ(handshake_of_programs(true, std::string("-cert @cert.pem -key ") + key, "-verify_return_error"),
              0)
        << text("client") << text("server");
  }
  EXPECT_EQ(keys.signed_calls().size(), 2U);
}

TEST_P(ProgramsTest, TheClientSignsByTheDaemon) {
  OwnedBio out(BIO_new_file(dir.file("real.pem").c_str(), "w"));
  ASSERT_EQ(PEM_write_bio_PrivateKey(out.get(), real, nullptr, nullptr, 0, nullptr, nullptr), 1);
  out.reset();
  EXPECT_EQ(
      handshake_of_programs(
          false,
          "-cert @cert.pem -key @real.pem -Verify 1 -verify_return_error -CAfile @cert.pem -partial_chain",
          "-cert @cert.pem -key @ref.pem"),
      0)
      << text("client") << text("server");
  EXPECT_EQ(keys.signed_calls().size(), 1U);
}

TEST_P(ProgramsTest, ThePublicKeyIsShownAndTheFileIsNotSigned) {
  ASSERT_EQ(with_module("pkey -in @ref.pem -pubout -outform DER -out @spki"), 0) << text("out");
  EXPECT_EQ(text("spki"), as_text(spki_of(real)));
  EXPECT_NE(with_module("dgst -sha256 -sign @ref.pem @cert.pem"), 0);
  EXPECT_NE(with_module("req -new -key @ref.pem -subj /CN=x"), 0);
  EXPECT_NE(text("out").find("attest keys sign TLS 1.3 handshakes only"), std::string::npos) << text("out");
  EXPECT_TRUE(keys.signed_calls().empty());
}

TEST_P(ProgramsTest, TheRestOfOpensslWorksAsBefore) {
  EXPECT_EQ(with_module("verify -partial_chain -trusted @cert.pem @cert.pem"), 0) << text("out");
  EXPECT_EQ(with_module("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out @new.pem"), 0)
      << text("out");
  EXPECT_EQ(with_module("dgst -sha256 -sign @new.pem -out @sig @cert.pem"), 0) << text("out");
  EXPECT_EQ(with_module("req -x509 -key @new.pem -subj /CN=x -out @new-cert.pem"), 0) << text("out");
}

}  // namespace
}  // namespace attest::test
