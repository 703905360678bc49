// Signed metadata whose envelope lies.
#include <gtest/gtest.h>

#include "evidence/core/hex.h"
#include "evidence/json/writer.h"
#include "evidence/metadata/jws.h"
#include "evidence/metadata/jws_alg.h"
#include "evidence/metadata/payload.h"
#include "test/support/metadata_maker.h"

namespace attest {
namespace {

using namespace attest::test;

class Envelope : public ::testing::Test {
 protected:
  Envelope() : root_(make_root("Signer Root")), signer_(make_signer(root_)) {
    payload_ = *write_payload(make_manifest("os", {"os"}, {tpm_reference(4, "grub")}));
    payload64_ = to_base64url(as_view(payload_));
  }
  // header is {"alg":…,"x5c":[…]} with any further members as JSON text.
  std::string header(std::string_view alg, const std::vector<Bytes>& chain, const std::string& more = "") {
    JsonWriter json;
    json.object().field("alg", alg).key("x5c").array();
    for (const Bytes& der : chain) json.text(to_base64(der));
    std::string text = json.end_array().so_far() + more + "}";
    return to_base64url(as_view(text));
  }
  std::string signature(const std::string& header64, const TestCert& by, std::string_view alg = "ES256") {
    auto made = make_signature(*find_jws_alg(alg), by.key.get(),
                               {as_view(header64), as_view("."), as_view(payload64_)});
    EXPECT_TRUE(made);
    return to_base64url(*made);
  }
  static std::string part(const std::string& header64, const std::string& signature64) {
    return "\"protected\":\"" + header64 + "\",\"signature\":\"" + signature64 + "\"";
  }
  std::string item(const std::string& parts) { return "{\"payload\":\"" + payload64_ + "\"," + parts + "}"; }
  std::string signed_with(const std::string& header64) {
    return item(part(header64, signature(header64, signer_)));
  }
  std::string refusal(const std::string& text) {
    auto verified = verify_metadata(as_view(text), {root_.der()}, kTestNow);
    return verified ? "accepted"
                    : std::string(errc_name(verified.error().code)) + ": " + verified.error().what;
  }
  bool refused_for(const std::string& text, std::string_view why) {
    std::string got = refusal(text);
    EXPECT_NE(got.find(why), got.npos) << got;
    return got != "accepted";
  }
  TestCert root_, signer_;
  std::string payload_, payload64_;
};

TEST_F(Envelope, TheHonestFormPasses) {
  EXPECT_EQ(refusal(signed_with(header("ES256", {signer_.der()}))), "accepted");
}

TEST_F(Envelope, AlgorithmNoneAndMacsAreRefused) {
  for (const char* alg : {"none", "None", "", "HS256", "EdDSA", "ES256K", "es256"}) {
    std::string h = header(alg, {signer_.der()});
    EXPECT_TRUE(refused_for(item(part(h, signature(h, signer_))), "unsupported")) << alg;
    EXPECT_TRUE(refused_for(item(part(h, "")), "")) << alg;
  }
}

TEST_F(Envelope, AlgorithmMustFitTheKey) {
  TestCert rsa = make_signer(root_, "RSA-2048"), p384 = make_signer(root_, "P-384");
  std::string es_on_rsa = header("ES256", {rsa.der()});
  EXPECT_TRUE(
      refused_for(item(part(es_on_rsa, signature(es_on_rsa, rsa, "RS256"))), "ES256 does not fit the key"));
  std::string rs_on_ec = header("RS256", {signer_.der()});
  EXPECT_TRUE(refused_for(item(part(rs_on_ec, signature(rs_on_ec, signer_))), "RS256 does not fit the key"));
  std::string es256_on_p384 = header("ES256", {p384.der()});
  EXPECT_TRUE(refused_for(item(part(es256_on_p384, signature(es256_on_p384, p384, "ES384"))),
                          "does not fit the key"));
  std::string ps = header("PS256", {rsa.der()});
  EXPECT_EQ(refusal(item(part(ps, signature(ps, rsa, "PS256")))), "accepted");
  EXPECT_TRUE(refused_for(item(part(ps, signature(ps, rsa, "RS256"))), "does not verify"));
}

TEST_F(Envelope, OtherHeadersAreRefused) {
  for (const char* more : {",\"crit\":[\"exp\"]", ",\"kid\":\"1\"", ",\"b64\":false",
                           ",\"jku\":\"https://x\"", ",\"typ\":\"JWT\""})
    EXPECT_TRUE(refused_for(signed_with(header("ES256", {signer_.der()}, more)), "is not allowed")) << more;
}

TEST_F(Envelope, DuplicateMembersAreRefused) {
  std::string h = header("ES256", {signer_.der()}), s = signature(h, signer_);
  EXPECT_TRUE(refused_for(item(part(h, s) + ",\"payload\":\"e30\""), "stands twice"));
  EXPECT_TRUE(refused_for(item(part(h, s) + ",\"signature\":\"" + s + "\""), "stands twice"));
  EXPECT_TRUE(
      refused_for(signed_with(header("ES256", {signer_.der()}, ",\"alg\":\"none\"")), "stands twice"));
  EXPECT_TRUE(refused_for(item(part(h, s) + ",\"header\":{\"alg\":\"none\"}"), "is not allowed"));
}

TEST_F(Envelope, ChainsThatAreEmptyLongOrBrokenAreRefused) {
  EXPECT_TRUE(refused_for(signed_with(header("ES256", {})), "no certificates"));
  EXPECT_TRUE(refused_for(signed_with(header("ES256", std::vector<Bytes>(5, signer_.der()))),
                          "more than 4 certificates"));
  EXPECT_TRUE(refused_for(signed_with(header("ES256", {Bytes{0x30, 0x00}})), "certificate"));
  std::string no_x5c = to_base64url(as_view("{\"alg\":\"ES256\"}"));
  EXPECT_TRUE(refused_for(signed_with(no_x5c), "no certificates"));
}

TEST_F(Envelope, OneBadSignatureOfSeveralIsEnough) {
  TestCert second = make_signer(root_);
  std::string h1 = header("ES256", {signer_.der()}), h2 = header("ES256", {second.der()});
  std::string good1 = "{" + part(h1, signature(h1, signer_)) + "}",
              good2 = "{" + part(h2, signature(h2, second)) + "}";
  std::string bad2 = "{" + part(h2, signature(h2, signer_)) + "}";
  EXPECT_EQ(refusal(item("\"signatures\":[" + good1 + "," + good2 + "]")), "accepted");
  EXPECT_TRUE(refused_for(item("\"signatures\":[" + good1 + "," + bad2 + "]"),
                          "JWS signature 2: signature does not verify"));
  EXPECT_TRUE(refused_for(item("\"signatures\":[]"), "no signatures"));
  EXPECT_TRUE(refused_for(item("\"signatures\":[" + good1 + "]," + part(h2, signature(h2, second))),
                          "both flattened and general"));
  std::string many = good1;
  for (int i = 0; i < 8; i++) many += "," + good1;
  EXPECT_TRUE(refused_for(item("\"signatures\":[" + many + "]"), "more than 8 signatures"));
}

TEST_F(Envelope, ASignatureCannotBringItsOwnPayload) {
  std::string h = header("ES256", {signer_.der()}), s = signature(h, signer_);
  std::string own = "\"signatures\":[{" + part(h, s) + ",\"payload\":\"" + payload64_ + "\"}]";
  EXPECT_TRUE(refused_for("{\"payload\":\"e30\"," + own + "}", "is not allowed"));
  EXPECT_TRUE(refused_for("{" + own + "}", "is not allowed"));
  EXPECT_TRUE(refused_for("{" + part(h, s) + "}", "no payload"));
  EXPECT_TRUE(refused_for("{\"payload\":\"" + to_base64url(as_view("{}")) + "\"," + part(h, s) + "}",
                          "does not verify"));
}

TEST_F(Envelope, ASignatureByAForeignRootIsRefused) {
  TestCert foreign_root = make_root("Signer Root"), foreign = make_signer(foreign_root);
  std::string h = header("ES256", {foreign.der(), foreign_root.der()});
  EXPECT_TRUE(refused_for(item(part(h, signature(h, foreign))), "untrusted"));
  // The good certificate beside a foreign key.
  std::string borrowed = header("ES256", {signer_.der()});
  EXPECT_TRUE(refused_for(item(part(borrowed, signature(borrowed, foreign))), "does not verify"));
}

TEST_F(Envelope, TlsAttestationAndExpiredCertificatesAreNoSigners) {
  for (const char* usage : {"serverAuth,clientAuth", "2.23.133.8.3", "codeSigning,clientAuth"}) {
    CertSpec spec;
    spec.extensions = {{"extendedKeyUsage", usage}};
    TestCert other = issue(&root_, spec);
    std::string h = header("ES256", {other.der()});
    EXPECT_TRUE(refused_for(item(part(h, signature(h, other))), "extended key usage")) << usage;
  }
  CertSpec expired;
  expired.not_after = kTestNow - 1;
  TestCert old = issue(&root_, expired);
  std::string h = header("ES256", {old.der()});
  EXPECT_TRUE(refused_for(item(part(h, signature(h, old))), "stale"));
}

TEST_F(Envelope, SignaturesOfOddLengthsAreRefused) {
  std::string h = header("ES256", {signer_.der()});
  for (std::size_t size : {0, 1, 63, 65, 128}) {
    Bytes zeros(size);
    EXPECT_NE(refusal(item(part(h, to_base64url(zeros)))), "accepted") << size;
  }
  Bytes zero_signature(64);
  EXPECT_TRUE(refused_for(item(part(h, to_base64url(zero_signature))), "does not verify"));
  EXPECT_TRUE(refused_for(item(part(h, signature(h, signer_) + "==")), "base64"));
}

TEST_F(Envelope, CompactFormAndGarbageAreRefused) {
  std::string h = header("ES256", {signer_.der()});
  EXPECT_NE(refusal(h + "." + payload64_ + "." + signature(h, signer_)), "accepted");
  EXPECT_NE(refusal(""), "accepted");
  EXPECT_NE(refusal("null"), "accepted");
  EXPECT_NE(refusal("[]"), "accepted");
}

TEST_F(Envelope, NestingAndSizeAreBounded) {
  EXPECT_TRUE(refused_for(std::string(1 << 20, '['), "an object was expected"));
  EXPECT_TRUE(refused_for("{\"payload\":" + std::string(1 << 20, '['), "a string was expected"));
  payload64_ = to_base64url(as_view("{\"type\":\"Manifest\",\"x\":" + std::string(100000, '[')));
  EXPECT_TRUE(refused_for(signed_with(header("ES256", {signer_.der()})), "nested more than 64 deep"));
  EXPECT_TRUE(refused_for(std::string(kMaxMetadataBytes + 1, ' '), "more than 16777216 bytes"));
}

TEST_F(Envelope, HugeIndicesAndLevelsAreRefused) {
  auto sign = [&](std::string payload) {
    payload64_ = to_base64url(as_view(payload));
    return signed_with(header("ES256", {signer_.der()}));
  };
  std::string index = payload_, level = payload_;
  index.replace(index.find("\"value\": \"4\""), 12, "\"value\": \"4294967296\"");
  level.replace(level.find("\"baseLayers\""), 12, "\"certLevel\": 4294967296, \"baseLayers\"");
  EXPECT_EQ(refusal(sign(payload_)), "accepted");
  EXPECT_TRUE(refused_for(sign(index), "cmc.index \"4294967296\" is not a number from 0 to 23"));
  EXPECT_TRUE(refused_for(sign(level), "a whole number from 0 to 2147483647 was expected"));
}

}  // namespace
}  // namespace attest
