// How a CMC report is judged: rules of its metadata and its quote, which CMC has and its recordings do not show.
#include <gtest/gtest.h>

#include <set>

#include "evidence/cmc/cose.h"
#include "evidence/core/hex.h"
#include "evidence/metadata/jws_alg.h"
#include "evidence/tpm/pcr_selection.h"
#include "test/support/cmc_fleet.h"
#include "test/support/recording.h"
#include "test/support/test_ak.h"

namespace attest::cmc {
namespace {

using namespace attest::test;

// Machine quotes two registers with one event each.
struct Machine : Fleet {
  Machine() {
    manifest.sbom->components = {cmc_reference("TPM", 4, kEvent, HashAlg::sha256), cmc_reference("TPM", 7, kEvent, HashAlg::sha256)};
    Artifact log{std::string(kPcrEventlog), 4, {cmc_event(kEvent, HashAlg::sha256)}}, other = log;
    other.index = 7;
    collateral = {{std::string(kTpmEvidence), {certify_ak(ak_root, ak, ak_spec()).der(), ak_root.der()}, {}, {log, other}}};
    attest = [this](View nonce) {
      QuoteSpec quote;
      quote.extra_data = to_bytes(nonce);
      quote.selections = {{HashAlg::sha256, {4, 7}}};
      Digest value = sha256({View(Bytes(32)), View(kEvent)});
      quote.pcr_digest = to_bytes(pcr_digest(HashAlg::sha256, std::vector{value, value}).view());
      Bytes statement = write_attest(quote);
      return std::vector<EvidenceItem>{{std::string(kTpmEvidence), statement, {}, sign_tpm(statement, ak.key.get())}};
    };
  }
  // layer is a manifest on others, which the image names.
  void layer(const std::string& name, const std::vector<std::string>& below) {
    Metadata one = manifest;
    one.name = name;
    one.sbom.reset();
    one.base_layers = below;
    more.push_back(one);
    image.descriptions.push_back({"Manifest Description", name, "", name, {}});
  }
  std::vector<int> codes() { return codes_of(judge().result); }
  const Bytes kEvent = Bytes(32, 5);
  TestAk ak = make_ak();
};

TEST(CmcJudge, RegistersStandInTheQuotesOrder) {
  Machine machine;
  EXPECT_EQ(machine.failure(), "");
  std::ranges::reverse(machine.collateral[0].artifacts);
  EXPECT_NE(machine.failure(), "");
}

TEST(CmcJudge, TypesOfReportAndContextAreDue) {
  Machine report, context;
  report.change = [](Report& r) { r.type = "Attestation Result"; };
  context.change = [](Report& r) { r.context.type = "context"; };
  EXPECT_NE(report.failure().find("is no report"), std::string::npos);
  EXPECT_NE(context.failure().find("is no context"), std::string::npos);
}

// The order counts where registers are explained by their values alone.
TEST(CmcJudge, LayersAreWalkedBreadthFirst) {
  Machine machine;
  machine.layer("b1", {"a1"});
  machine.layer("b2", {"a2", "nobody"});
  machine.layer("a1", {"base"});
  machine.layer("a2", {"base"});
  machine.layer("c", {"b1"});
  Judged judged = machine.judge();
  EXPECT_TRUE(judged.trusted) << judged.result.summary.details;
  std::vector<std::string> order;
  for (const MetadataFinding& m : judged.result.manifests) order.push_back(m.metadata.name);
  ASSERT_EQ(order.size(), 6U);
  EXPECT_EQ(order[0], "base");
  EXPECT_EQ(std::set(order.begin() + 1, order.begin() + 3), (std::set<std::string>{"a1", "a2"}));
  EXPECT_EQ(order[5], "c");
  machine.layer("d", {"d2"});
  machine.layer("d2", {"d"});
  EXPECT_NE(machine.failure().find("stands on nothing"), std::string::npos);
}

TEST(CmcJudge, PayloadAndSignatureAreOfOneSerialisation) {
  Machine machine;
  Metadata company = machine.image;
  company.type = kCompanyDescription;
  JwsSigner by{machine.signer.key.get(), {machine.signer.der()}};
  Bytes json = encode_metadata(company, Encoding::json), cbor = encode_metadata(company, Encoding::cbor);
  machine.signed_items = {must(sign_cose(cbor, {&by, 1}))};
  EXPECT_EQ(machine.failure(), "") << "items of both kinds in one report";
  auto shown = nlohmann::json::parse(as_text(encode_result(machine.judge().result, Encoding::json)));
  EXPECT_EQ(shown["metadata"]["companyDescriptionResult"]["type"], "Company Description") << "one, no list";
  auto keys = [](const AttestationResult& result) {
    Bytes bytes = encode_result(result, Encoding::cbor);
    std::set<std::int64_t> out;
    CborSource in(bytes, true);
    constexpr Field kAll[] = {{"0", 0}, {"1", 1}, {"2", 2}, {"3", 3}, {"4", 4}, {"5", 5}, {"6", 6}, {"7", 7}, {"8", 8}, {"9", 9}};
    in.object(kAll, [&](std::size_t key) {
      out.insert(static_cast<std::int64_t>(key));
      in.skip();
    });
    return out;
  };
  AttestationResult nobody;
  EXPECT_TRUE(keys(nobody).contains(3)) << "the prover, unnamed as it may be";
  EXPECT_FALSE(keys(nobody).contains(4));
  machine.signed_items = {must(sign_cose(json, {&by, 1}))};
  EXPECT_TRUE(machine.has_code(kParseMetadata));
  machine.signed_items = {to_bytes(as_view(must(sign_jws(cbor, {&by, 1}))))};
  EXPECT_TRUE(machine.has_code(kParseMetadata));
}

TEST(CmcJudge, WhatCannotBeReadHasCmcsCodes) {
  struct Case {
    const char* item;
    int code;
  };
  for (const Case& c : {Case{"hello", kExtractPayload}, {"[]", kParseJson}, {"{}", kParseJson}, {"\x80", kParseCbor}, {"\xd2\x84", kParseCbor}, {"", kExtractPayload}}) {
    Machine machine;
    machine.signed_items = {to_bytes(as_view(c.item))};
    EXPECT_TRUE(machine.has_code(c.code)) << c.item;
    EXPECT_TRUE(machine.has_code(kVerifyMetadata)) << c.item;
  }
}

// CMC says in the manifest's status what its server said, and in its summary that it failed.
TEST(CmcJudge, ExpiredItemsShowWhenTheyWereGood) {
  Machine machine;
  machine.now = kTestNow + 2 * kDay;
  Judged judged = machine.judge();
  const Finding& validity = judged.result.image.validity;
  EXPECT_EQ(validity.codes, std::vector<int>{kExpired});
  EXPECT_EQ(validity.got, format_rfc3339(machine.now));
  EXPECT_EQ(validity.expected_between, (std::vector<std::string>{machine.image.validity->not_before, machine.image.validity->not_after}));
  EXPECT_TRUE(judged.result.image.summary.codes.empty());
}

// Go finds members by their names in any case; a name that comes back in another is refused here.
TEST(CmcJudge, NamesInJsonMatchInAnyCase) {
  Machine machine;
  Bytes report = machine.report(Bytes(8, 7));
  std::string text(as_text(report));
  std::string upper = text;
  upper.replace(upper.find("\"version\""), 9, "\"VERSION\"");
  EXPECT_TRUE(machine.judge(to_bytes(as_view(upper)), Bytes(8, 7)).trusted);
  std::string twice = text;
  twice.insert(1, "\"Version\":\"3.3.0\",");
  EXPECT_TRUE(machine.judge(to_bytes(as_view(twice)), Bytes(8, 7)).malformed);
}

TEST(CmcJudge, ARootOfBothRolesIsShownOnce) {
  Machine machine;
  TrustStore signers = must(TrustStore::make({machine.signer_root.der()})), keys = must(TrustStore::make({machine.ak_root.der()}));
  std::vector<Bytes> roots = {machine.ak_root.der(), machine.ak_root.der()};
  machine.collateral[0].certs.pop_back();
  Bytes report = machine.report(Bytes(8, 7));
  Question q;
  q.report = report;
  Bytes nonce(8, 7);
  q.nonce = nonce;
  q.now = kTestNow;
  q.signers = &signers;
  q.attestation_keys = &keys;
  q.roots = roots;
  Judged judged = judge(q);
  EXPECT_TRUE(judged.trusted);
  EXPECT_EQ(judged.result.measurements[0].signature.certs.size(), 2U);
}

TEST(CmcJudge, KeysAndCertificatesThatDoNotFitAreNamed) {
  Machine garbage;
  garbage.collateral[0].certs.push_back({0x30, 0x00});
  EXPECT_TRUE(garbage.has_code(kParseCert));
  Machine other;
  other.collateral[0].certs[0] = issue_for(&other.ak_root, ak_spec(), make_key("RSA-2048")).der();
  EXPECT_TRUE(other.has_code(kExtractPubKey)) << "an ECDSA signature under an RSA certificate";
}

// cose_of signs with a key on P-384 under the number CMC's tool writes for every curve.
Bytes cose_of(const TestCert& signer, View payload, std::string_view hash_of, const Bytes& header) {
  JwsAlg alg = *find_jws_alg("ES384");
  alg.digest = find_jws_alg(hash_of)->digest;
  cbor::Writer content;
  content.array(5);
  content.text("Signature");
  content.bytes({});
  content.bytes(header);
  content.bytes({});
  content.bytes(payload);
  Bytes signature = *make_signature(alg, signer.key.get(), {content.bytes_so_far()});
  cbor::Writer out;
  out.raw(Bytes{0xd8, 0x62});
  out.array(4);
  out.bytes({});
  out.map(0);
  out.bytes(payload);
  out.array(1);
  out.array(3);
  out.bytes(header);
  out.map(1);
  out.uint(33);
  out.array(1);
  out.bytes(signer.der());
  out.bytes(signature);
  return std::move(out).finish();
}

TEST(CmcJudge, EcdsaOfCoseNamesAHashAndNoCurve) {
  TestCert root = make_root("root"), signer = make_signer(root, "P-384");
  TrustStore store = must(TrustStore::make({root.der()}));
  auto trusted = [&](const Bytes& item) {
    auto examined = examine_cose(item, store, kTestNow);
    return examined && examined->trusted();
  };
  const Bytes es256{0xa1, 0x01, 0x26}, with_kid{0xa2, 0x01, 0x26, 0x04, 0x41, 'k'}, critical{0xa2, 0x01, 0x26, 0x02, 0x81, 0x04};
  EXPECT_TRUE(trusted(cose_of(signer, as_view("x"), "ES256", es256)));
  EXPECT_TRUE(trusted(cose_of(signer, as_view("x"), "ES256", with_kid))) << "a header nothing needs";
  EXPECT_FALSE(trusted(cose_of(signer, as_view("x"), "ES256", critical)));
  EXPECT_FALSE(trusted(cose_of(signer, as_view("x"), "ES384", es256))) << "another hash than named";
}

TEST(CmcJudge, HeadersOfJwsAreReadAsCmcDoes) {
  TestCert root = make_root("root"), signer = make_signer(root), rsa = make_signer(root, "RSA-2048");
  TrustStore store = must(TrustStore::make({root.der()}));
  auto trusted = [&](const TestCert& by, const std::string& alg, const std::string& more, const std::string& member = "") {
    std::string header = to_base64url(as_view("{\"alg\":\"" + alg + "\"" + more + ",\"x5c\":[\"" + to_base64(by.der()) + "\"]}"));
    std::string payload = to_base64url(as_view("{}"));
    Bytes signature = *make_signature(*find_jws_alg(alg), by.key.get(), {as_view(header), as_view("."), as_view(payload)});
    auto examined = examine_jws(as_view("{\"payload\":\"" + payload + "\",\"protected\":\"" + header + "\",\"signature\":\"" +
                                        to_base64url(signature) + "\"" + member + "}"), store, kTestNow);
    return examined && examined->trusted();
  };
  EXPECT_TRUE(trusted(signer, "ES256", ""));
  EXPECT_TRUE(trusted(signer, "ES256", ",\"kid\":\"k\",\"typ\":\"JOSE\"", ",\"header\":{\"kid\":\"k\"}"));
  EXPECT_FALSE(trusted(signer, "ES256", ",\"crit\":[\"b64\"],\"b64\":false"));
  EXPECT_TRUE(trusted(rsa, "RS256", ""));
  EXPECT_FALSE(trusted(rsa, "PS256", "")) << "CMC's verifiers take no RSA-PSS in JWS";
}

}  // namespace
}  // namespace attest::cmc
