// TLSCreate, TLSSign and TLSCert: keys of software and in the TPM, enrolled at an EST server.
#include <gtest/gtest.h>
#include <openssl/rsa.h>

#include <map>
#include <thread>

#include "cmcd-lite/server/cmc/csr.h"
#include "cmcd-lite/server/cmc/api/tls_keys.h"
#include "cmcd-lite/server/cmc/est.h"
#include "evidence/cmc/report.h"
#include "evidence/core/crypto.h"
#include "test/support/cmc_machine.h"
#include "test/support/est_server.h"

namespace attest {
namespace {

using namespace attest::test;
using cmc::Call;
using cmc::Encoding;

bool verifies(EVP_PKEY* key, HashAlg hash, View digest, View signature, bool pss) {
  OwnedPkeyCtx context(EVP_PKEY_CTX_new_from_pkey(private_libctx(), key, nullptr));
  if (EVP_PKEY_verify_init(context.get()) != 1) return false;
  if (EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA &&
      EVP_PKEY_CTX_set_rsa_padding(context.get(), pss ? RSA_PKCS1_PSS_PADDING : RSA_PKCS1_PADDING) != 1)
    return false;
  if (EVP_PKEY_CTX_set_signature_md(context.get(), evp_md(hash)) != 1) return false;
  return EVP_PKEY_verify(context.get(), signature.data(), signature.size(), digest.data(), digest.size()) == 1;
}

class CmcTlsKeys : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(machine_.good());
    ASSERT_TRUE(machine_.start(R"(, "enroll": {"url": ")" + est_.url() + R"(", "roots": ["signers.pem"]})")) << machine_.machine.daemon.log();
  }
  Result<cmc::ApiResponse> call(const cmc::ApiRequest& request) { return cmc_call(machine_.client(Encoding::json), request); }
  Result<cmc::ApiResponse> create(const std::string& type, const std::string& alg, const std::string& cn = "host.example") {
    cmc::ApiRequest request;
    request.call = Call::tls_create;
    request.key_config = {type, alg, cn, {"host.example", "localhost"}, {"127.0.0.1", "::1"}};
    return call(request);
  }
  Result<cmc::ApiResponse> sign(const std::string& id, const Bytes& digest, const std::string& hash, std::optional<int> pss = {}) {
    cmc::ApiRequest request;
    request.call = Call::tls_sign;
    request.key_id = id;
    request.content = digest;
    request.hash_alg = hash;
    if (pss) request.pss_salt = *pss;
    return call(request);
  }
  std::vector<Bytes> chain(const std::string& id) {
    cmc::ApiRequest request;
    request.call = Call::tls_cert;
    request.key_id = id;
    auto answer = call(request);
    EXPECT_TRUE(answer) << answer.error().what;
    std::vector<Bytes> out;
    if (!answer) return out;
    for (const Bytes& pem : answer->certificate) {
      auto one = split_certificates(pem, "answer");
      EXPECT_TRUE(one && one->size() == 1) << "each element is one certificate";
      if (one) out.push_back(one->front());
    }
    return out;
  }
  // use makes a key and checks its certificate and a signature by it.
  void use(const std::string& type, const std::string& alg, const std::string& hash, bool pss) {
    auto made = create(type, alg);
    ASSERT_TRUE(made) << type << " " << alg << ": " << made.error().what;
    EXPECT_EQ(made->key_id.size(), 36U);
    auto certificates = chain(made->key_id);
    ASSERT_EQ(certificates.size(), 2U);
    EXPECT_EQ(certificates[1], authority_.root().der());
    auto leaf = parse_certificate(certificates[0]);
    ASSERT_TRUE(leaf);
    HashAlg algorithm = *hash_alg_from_name(hash);
    Bytes digest(digest_size(algorithm), 7);
    auto signature = sign(made->key_id, digest, hash, pss ? std::optional<int>(static_cast<int>(digest.size())) : std::nullopt);
    ASSERT_TRUE(signature) << signature.error().what;
    EXPECT_TRUE(verifies(X509_get0_pubkey(leaf->get()), algorithm, digest, signature->signed_content, pss)) << type << " " << alg;
  }
  Authority authority_;
  EstServer est_{authority_.root()};
  CmcMachine machine_{authority_, "tis"};
};

TEST_F(CmcTlsKeys, AreMadeCertifiedAndUsed) {
  use("sw", "EC256", "SHA-256", false);
  std::vector<Bytes> parts = est_.last_parts();
  ASSERT_EQ(parts.size(), 2U) << "request and report";
  auto report = cmc::decode_report(parts[1]);
  ASSERT_TRUE(report) << report.error().what;
  EXPECT_EQ(report->context.nonce.size(), 32U) << "the report is over the key";
  use("sw", "EC521", "SHA-512", false);
  use("sw", "RSA2048", "SHA-256", false);
  use("sw", "RSA2048", "SHA-384", true);
  use("tpm", "EC256", "SHA-256", false);
  parts = est_.last_parts();
  ASSERT_EQ(parts.size(), 7U);
  EXPECT_FALSE(parts[1].empty());
  EXPECT_TRUE(parts[2].empty()) << "no creation data";
  EXPECT_FALSE(parts[3].empty());
  EXPECT_TRUE(cmc::decode_report(parts[6]));
  use("tpm", "RSA2048", "SHA-256", false);
}

TEST_F(CmcTlsKeys, OutliveARestart) {
  auto software = create("sw", "EC384"), tpm = create("tpm", "EC256");
  ASSERT_TRUE(software && tpm);
  machine_.machine.daemon.stop();
  ASSERT_TRUE(machine_.machine.daemon.start() && machine_.machine.daemon.ready());
  for (const std::string& id : {software->key_id, tpm->key_id}) {
    EXPECT_EQ(chain(id).size(), 2U);
    auto signature = sign(id, Bytes(32, 1), "SHA-256");
    EXPECT_TRUE(signature) << signature.error().what;
  }
}

TEST_F(CmcTlsKeys, RefuseWhatTheyShould) {
  EXPECT_NE(sign("no-such-key", Bytes(32, 1), "SHA-256").error().what.find(R"(key with id "no-such-key" not present)"), std::string::npos);
  auto made = create("sw", "EC256");
  ASSERT_TRUE(made) << made.error().what;
  EXPECT_NE(sign(made->key_id, Bytes(31, 1), "SHA-256").error().what.find("no SHA-256 digest"), std::string::npos);
  EXPECT_FALSE(sign(made->key_id, Bytes(20, 1), "SHA-1"));
  EXPECT_FALSE(sign(made->key_id, Bytes(32, 1), "none"));
  EXPECT_FALSE(sign(made->key_id, Bytes(32, 1), "SHA-256", 7)) << "a salt that TLS does not take";
  EXPECT_NE(create("snp", "EC256").error().what.find("tpm or sw"), std::string::npos);
  EXPECT_FALSE(create("sw", "EC999"));
  EXPECT_FALSE(create("tpm", "RSA4096"));
  std::string listed = machine_.machine.daemon.control(R"({"op":"key.list"})");
  est_.certify_another_key(true);
  EXPECT_NE(create("tpm", "EC256").error().what.find("another key"), std::string::npos);
  EXPECT_EQ(machine_.machine.daemon.control(R"({"op":"key.list"})"), listed) << "a key without a certificate is not kept";
}

// Certificates that end soon: the daemon's clock is ahead.
class CmcTlsRenewal : public CmcTlsKeys {
 protected:
  void make(const std::string& type, const std::string& cn) {
    auto made = create(type, "EC256", cn);
    ASSERT_TRUE(made) << made.error().what;
    ids_[cn] = made->key_id;
    before_[cn] = chain(made->key_id);
  }
  void restart(UnixTime ahead) {
    machine_.machine.daemon.stop();
    machine_.machine.daemon.clock = [ahead] { return wall_clock_now() + ahead; };
    ASSERT_TRUE(machine_.machine.daemon.start() && machine_.machine.daemon.ready());
  }
  // shown is what status says of a key.
  std::string shown(const std::string& cn) const {
    std::string fleet = member_raw(machine_.machine.daemon.control(R"({"op":"status"})"), "fleet");
    std::size_t at = fleet.find(R"({"key":")" + ids_.at(cn));
    return at == std::string::npos ? "" : fleet.substr(at, fleet.find('}', at) - at + 1);
  }
  // comes waits until what status says of a key holds the text.
  bool comes(const std::string& cn, const std::string& text) const {
    for (int i = 0; i < 600; i++) {
      if (shown(cn).find(text) != std::string::npos) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
    ADD_FAILURE() << cn << ": no " << text << " in " << shown(cn);
    return false;
  }
  std::map<std::string, std::string> ids_;
  std::map<std::string, std::vector<Bytes>> before_;
};

TEST_F(CmcTlsRenewal, BeforeTheEndAndUnderTheSameKeyAndNames) {
  make("sw", "web.example");
  make("tpm", "tpm.example");
  for (const char* name : {"refused.example", "other-key.example", "other-names.example", "short.example"}) make("sw", name);
  EXPECT_TRUE(comes("web.example", R"("subject":"CN=web.example")")) << "the daemon looks once a second";
  EXPECT_NE(shown("web.example").find(R"("tried":null,"problem":"")"), std::string::npos) << "30 days are left";
  std::size_t asked = est_.requests().size();
  est_.obey_names(true);
  est_.certify_for(90 * kDay);
  restart(25 * kDay);
  ASSERT_TRUE(comes("refused.example", "401: token expired"));
  EXPECT_NE(shown("refused.example").find("has to allow this machine"), std::string::npos) << "the remedy: " << shown("refused.example");
  EXPECT_EQ(shown("refused.example").find(R"("next":null)"), std::string::npos);
  EXPECT_TRUE(comes("other-key.example", "for another key"));
  EXPECT_TRUE(comes("other-names.example", "other names than the present one"));
  EXPECT_TRUE(comes("short.example", "no later than the present one"));
  for (const char* name : {"refused.example", "other-key.example", "other-names.example", "short.example"})
    EXPECT_EQ(chain(ids_[name]), before_[name]) << name << " keeps its certificate";
  EXPECT_NE(machine_.machine.daemon.control(R"({"op":"status"})").find("did not certify TLS key " + ids_["refused.example"]), std::string::npos);
  est_.obey_names(false);
  for (const auto& [name, id] : ids_) {
    ASSERT_TRUE(comes(name, R"("problem":"","remedy":"")") && comes(name, R"("tried":"2)"));
    auto fresh = chain(id);
    ASSERT_EQ(fresh.size(), 2U);
    EXPECT_NE(fresh[0], before_[name][0]) << name;
    auto leaf = parse_certificate(fresh[0]), old = parse_certificate(before_[name][0]);
    ASSERT_TRUE(leaf && old);
    EXPECT_EQ(spki_der(X509_get0_pubkey(leaf->get())), spki_der(X509_get0_pubkey(old->get()))) << "the key stays";
    auto names = names_of(leaf->get());
    ASSERT_TRUE(names) << names.error().what;
    EXPECT_EQ(names->cn, name);
    EXPECT_EQ(names->dns_names, (std::vector<std::string>{"host.example", "localhost"}));
    EXPECT_EQ(names->ip_addresses, (std::vector<std::string>{"127.0.0.1", "::1"}));
    auto signature = sign(id, Bytes(32, 7), "SHA-256");
    ASSERT_TRUE(signature) << signature.error().what;
    EXPECT_TRUE(verifies(X509_get0_pubkey(leaf->get()), HashAlg::sha256, Bytes(32, 7), signature->signed_content, false)) << name;
    before_[name] = fresh;
  }
  EXPECT_GT(est_.requests().size(), asked);
  restart(25 * kDay);
  for (const auto& [name, id] : ids_) EXPECT_EQ(chain(id), before_[name]) << name << " is kept";
}

TEST_F(CmcTlsRenewal, IsSwitchedOffAndThenStatusWarns) {
  make("sw", "web.example");
  std::string& members = machine_.machine.daemon.members;
  members.insert(members.find(R"("url": ")" + est_.url()), R"("renew": false, )");
  std::size_t asked = est_.requests().size();
  restart(25 * kDay + 3600);  // well between two numbers of days
  ASSERT_TRUE(comes("web.example", R"("automatic":false)"));
  EXPECT_NE(shown("web.example").find(R"("renewal":null)"), std::string::npos) << shown("web.example");
  EXPECT_NE(machine_.machine.daemon.control(R"({"op":"status"})").find("TLS key " + ids_["web.example"] + " ends in 4 days and is not renewed"),
            std::string::npos);
  std::this_thread::sleep_for(std::chrono::seconds(2));
  EXPECT_EQ(est_.requests().size(), asked);
  EXPECT_EQ(chain(ids_["web.example"]), before_["web.example"]);
}

TEST(CmcCsr, NamesAreChecked) {
  auto check = [](cmc::KeyConfig config) { return static_cast<bool>(check_names(config)); };
  EXPECT_TRUE(check({"sw", "EC256", "host", {"a.example", "*.b.example"}, {"192.0.2.1", "2001:db8::1"}}));
  EXPECT_FALSE(check({"sw", "EC256", "", {}, {}}));
  EXPECT_FALSE(check({"sw", "EC256", std::string(65, 'a'), {}, {}}));
  EXPECT_FALSE(check({"sw", "EC256", "host", {"a,IP:192.0.2.1"}, {}})) << "one name is no list of names";
  EXPECT_FALSE(check({"sw", "EC256", "host", {"dirName:x"}, {}}));
  EXPECT_FALSE(check({"sw", "EC256", "host", {}, {"host.example"}}));
}

TEST(CmcEst, AddressesAndAnswers) {
  auto parsed = parse_est_address("https://est.example:9000/");
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->host + " " + parsed->port, "est.example 9000");
  EXPECT_EQ(parse_est_address("https://[2001:db8::1]:1")->host, "2001:db8::1");
  EXPECT_EQ(parse_est_address("https://est.example")->port, "443");
  for (const char* bad : {"http://est.example", "https://", "https://a b", "https://a:b", "https://a\r\nX: y:1", "https://a/b"})
    EXPECT_FALSE(parse_est_address(bad)) << bad;
  auto why = [](std::string_view answer) { return parse_est_answer(as_view(answer)).error().what; };
  EXPECT_NE(why("HTTP/1.1 400 Bad Request\r\n\r\n401 no token").find("401 no token"), std::string::npos);
  EXPECT_NE(why("nonsense").find("HTTP"), std::string::npos);
  EXPECT_NE(why("HTTP/1.1 200 OK\r\n\r\nAAAA").find("PKCS#7"), std::string::npos);
  EXPECT_FALSE(parse_est_answer(as_view("HTTP/1.1 200 OK\r\n\r\n!!")));
}

TEST(CmcEst, BodiesAreAsCmcSendsThem) {
  EstBody body = est_body({{"application/pkcs10", Bytes(60, 0)}, {"application/octet-stream", {}}}, "b");
  EXPECT_EQ(body.type, "multipart/mixed; boundary=b");
  EXPECT_EQ(body.text, "--b\r\nContent-Transfer-Encoding: base64\r\nContent-Type: application/pkcs10\r\n\r\n" + std::string(76, 'A') +
                           "\r\n" + std::string(4, 'A') + "\r\n\r\n--b\r\nContent-Transfer-Encoding: base64\r\nContent-Type: "
                           "application/octet-stream\r\n\r\n\r\n--b--\r\n");
}

}  // namespace
}  // namespace attest
