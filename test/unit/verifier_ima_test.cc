// IMA lists judged by themselves. The samples of templates without a recorded one are made here, from the
// published layouts with keys of the test: they are synthetic.
#include "verifier/logs/ima.h"

#include <gtest/gtest.h>
#include <openssl/pem.h>

#include "evidence/core/crypto.h"
#include "evidence/core/hex.h"
#include "evidence/logs/ima/ascii.h"
#include "evidence/logs/ima/template.h"
#include "evidence/x509/certificate.h"
#include "test/support/recording.h"

namespace attest {
namespace {
using namespace attest::test;

Bytes field(View bytes) {
  Writer w;
  w.u32le(static_cast<std::uint32_t>(bytes.size()));
  w.put(bytes);
  return must(std::move(w).finish("field"));
}
Bytes operator+(Bytes a, const Bytes& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}
Bytes text(std::string_view words) { return to_bytes(as_view(words)); }
Bytes digest_field(std::string_view head, View digest) { return field(text(head) + Bytes{0} + to_bytes(digest)); }
Bytes name_field(std::string_view name) { return field(text(name) + Bytes{0}); }

Bytes entry(std::string_view name, const Bytes& data, HashAlg stored = HashAlg::sha1) {
  Writer w;
  w.u32le(10);
  w.put(hash_of(stored, {data}).view());
  w.put(field(text(name)));
  w.put(field(data));
  return must(std::move(w).finish("entry"));
}
Bytes file_entry(std::string_view path, std::string_view content, const Bytes& more = {}, std::string_view name = "ima-ng",
                 std::string_view head = "sha256:") {
  return entry(name, digest_field(head, sha256(as_view(content)).view()) + name_field(path) + more);
}

ImaJudgement judge(const Bytes& bytes, const ImaOptions& options = {}, std::size_t hash_size = 20) {
  return must(judge_ima(must(parse_ima_list(bytes, Stray::refuse, hash_size)), hash_size, options));
}
std::string failed(const ImaJudgement& judgement) {
  std::string ids;
  for (const Finding& check : judgement.checks.checks)
    if (check.outcome == Outcome::fail) ids += (ids.empty() ? "" : " ") + check.id;
  return ids;
}
Digest value_of(const ImaJudgement& judgement, HashAlg bank, bool padded) {
  for (const auto& form : judgement.replayed)
    if (form.bank == bank && form.padded == padded) return form.values.at(10);
  return {};
}

// A key that signs files, and its public half as a file.
struct Signer {
  explicit Signer(const char* kind) {
    EVP_PKEY* made = std::string_view(kind) == "RSA" ? EVP_PKEY_Q_keygen(private_libctx(), nullptr, "RSA", std::size_t{2048})
                                                     : EVP_PKEY_Q_keygen(private_libctx(), nullptr, "EC", kind);
    key.reset(made);
    OwnedBio bio(BIO_new(BIO_s_mem()));
    EXPECT_EQ(PEM_write_bio_PUBKEY(bio.get(), key.get()), 1);
    char* data = nullptr;
    long size = BIO_get_mem_data(bio.get(), &data);
    pem.assign(data, data + size);
  }
  Bytes sign(View digest) const {
    OwnedPkeyCtx ctx(EVP_PKEY_CTX_new_from_pkey(private_libctx(), key.get(), nullptr));
    EXPECT_EQ(EVP_PKEY_sign_init(ctx.get()), 1);
    EXPECT_EQ(EVP_PKEY_CTX_set_signature_md(ctx.get(), evp_md(HashAlg::sha256)), 1);
    Bytes out(1024);
    std::size_t size = out.size();
    EXPECT_EQ(EVP_PKEY_sign(ctx.get(), out.data(), &size, digest.data(), digest.size()), 1);
    out.resize(size);
    return out;
  }
  // The header of a signature and the signature over the digest (version 2) or the file's identity (version 3).
  Bytes signature(std::uint8_t kind, std::uint8_t version, View digest) const {
    Digest id = sha256({Bytes{kind, 4}, digest});
    Bytes value = sign(version == 2 ? digest : id.view());
    Writer w;
    w.u8(kind);
    w.u8(version);
    w.u8(4);
    w.put(must(parse_ima_keys(pem))[0].ids[0]);
    w.u16be(static_cast<std::uint16_t>(value.size()));
    w.put(value);
    return must(std::move(w).finish("signature"));
  }
  OwnedPkey key;
  Bytes pem;
};

ImaOptions with_keys(const Bytes& pem) {
  ImaOptions options;
  options.keys = must(parse_ima_keys(pem));
  return options;
}

TEST(ImaJudgement, SignaturesOfFilesAreCheckedWithTheGivenKeys) {
  for (const char* kind : {"RSA", "P-256", "P-384"}) {
    Signer signer(kind), other(kind);
    for (std::uint8_t version : {std::uint8_t{2}, std::uint8_t{3}}) {
      Bytes sig = signer.signature(version == 2 ? 3 : 6, version, sha256(as_view("ls")).view());
      std::string head = version == 2 ? "ima:sha256:" : "verity:sha256:";
      Bytes list = file_entry("/bin/ls", "ls", field(sig), "ima-sigv2", head);
      EXPECT_EQ(failed(judge(list, with_keys(signer.pem))), "") << kind << int{version};
      EXPECT_EQ(judge(list, with_keys(signer.pem)).good_signatures, 1U);
      EXPECT_EQ(failed(judge(list, with_keys(other.pem))), "ima.signatures") << kind;
      Bytes moved = file_entry("/bin/rm", "rm", field(sig), "ima-sigv2", head);  // the signature of another file
      EXPECT_EQ(failed(judge(moved, with_keys(signer.pem))), "ima.signatures") << kind;
      sig.back() ^= 1;
      EXPECT_EQ(failed(judge(file_entry("/bin/ls", "ls", field(sig), "ima-sigv2", head), with_keys(signer.pem))), "ima.signatures");
    }
  }
}

TEST(ImaJudgement, AMissingSignatureCountsWhereSignaturesAreDemanded) {
  Signer signer("P-256");
  Bytes list = file_entry("boot_aggregate", "x", field({}), "ima-sig") + file_entry("/bin/ls", "ls", field({}), "ima-sig");
  ImaOptions options = with_keys(signer.pem);
  EXPECT_EQ(failed(judge(list, options)), "");
  options.rules.signatures = true;
  EXPECT_EQ(failed(judge(list, options)), "ima.signatures");
}

TEST(ImaJudgement, PortableSignaturesCoverTheAttributesAndOwner) {
  Signer signer("P-256");
  Bytes values = text("label") + Bytes{0};
  Writer misc;
  misc.put(Bytes(12, 0));
  misc.u32le(1000);
  misc.u32le(100);
  misc.u16le(0755);
  misc.u16le(0);
  Bytes tail = must(std::move(misc).finish("misc"));
  Bytes sig = signer.signature(5, 2, sha256({values, tail}).view());
  auto fields = [&](std::uint32_t owner) {
    Writer number;
    number.u32le(owner);
    Bytes uid = must(std::move(number).finish("uid"));
    return field(sig) + name_field("security.selinux") + field(Bytes{6, 0, 0, 0}) + field(values) + field(uid) +
           field(Bytes{100, 0, 0, 0}) + field(Bytes{0xed, 1});
  };
  EXPECT_EQ(failed(judge(file_entry("/bin/ls", "ls", fields(1000), "evm-sig"), with_keys(signer.pem))), "");
  EXPECT_EQ(failed(judge(file_entry("/bin/ls", "ls", fields(0), "evm-sig"), with_keys(signer.pem))), "ima.signatures");
}

TEST(ImaJudgement, TheThreeFormsOfAPcr) {
  Bytes list = file_entry("/a", "a") + file_entry("/b", "b");  // the entries lend its bytes
  ImaJudgement found = judge(list);
  auto data = must(parse_ima_list(list)).entries;
  Digest sha1 = Digest::filled(HashAlg::sha1, 0), full = Digest::filled(HashAlg::sha256, 0), padded = full;
  for (const ImaEntry& e : data) {
    sha1 = hash_of(HashAlg::sha1, {sha1.view(), hash_of(HashAlg::sha1, {e.data}).view()});
    full = sha256({full.view(), sha256(e.data).view()});
    padded = sha256({padded.view(), hash_of(HashAlg::sha1, {e.data}).view(), Bytes(12, 0)});
  }
  EXPECT_EQ(value_of(found, HashAlg::sha1, false), sha1);
  EXPECT_EQ(value_of(found, HashAlg::sha256, false), full);
  EXPECT_EQ(value_of(found, HashAlg::sha256, true), padded);
}

TEST(ImaJudgement, APcrMayStandForAFirstPartOfTheList) {
  Bytes one = file_entry("/a", "a"), list = one + file_entry("/b", "b");
  for (bool padded : {false, true}) {
    ImaOptions options;
    options.pcrs[11][10] = to_bytes(value_of(judge(one), HashAlg::sha256, padded).view());
    ImaJudgement found = judge(list, options);
    EXPECT_EQ(failed(found), "");
    EXPECT_EQ(std::ranges::count_if(found.checks.checks, [](const Finding& c) { return c.id == "ima.prefix"; }), 1);
    options.pcrs[11][10][0] ^= 1;
    EXPECT_EQ(failed(judge(list, options)), "ima.pcr");
  }
}

TEST(ImaJudgement, AWrongTemplateHashIsNamedByItsEntry) {
  Bytes list = file_entry("/a", "a") + file_entry("/b", "b");
  list[list.size() - 1] ^= 1;
  ImaJudgement found = judge(list);
  EXPECT_EQ(failed(found), "ima.template-hash");
  EXPECT_EQ(found.wrong_hashes, std::vector<std::size_t>{1});
}

TEST(ImaJudgement, ListsOfLaterKernelsHaveTheHashesOfTheirBank) {
  for (HashAlg alg : {HashAlg::sha256, HashAlg::sha384, HashAlg::sha512}) {
    Bytes data = digest_field("sha256:", sha256(as_view("a")).view()) + name_field("/a");
    Bytes list = entry("ima-ng", data, alg);
    EXPECT_EQ(failed(judge(list, {}, digest_size(alg))), "");
    list[4] ^= 1;
    EXPECT_EQ(failed(judge(list, {}, digest_size(alg))), "ima.template-hash");
    list[4] ^= 1;
    EXPECT_EQ(value_of(judge(list, {}, digest_size(alg)), HashAlg::sha1, false), value_of(judge(entry("ima-ng", data)), HashAlg::sha1, false));
  }
}

TEST(ImaJudgement, FilesMustBeListedWithOneOfTheirDigests) {
  Bytes list = file_entry("/a", "new a") + file_entry("/var/log/x", "anything");
  ImaOptions options;
  options.rules.files["/a"] = {to_bytes(sha256(as_view("new a")).view())};
  EXPECT_EQ(failed(judge(list, options)), "ima.files");
  options.rules.exclude = {"/var/log/*"};
  EXPECT_EQ(failed(judge(list, options)), "");
  Bytes old = file_entry("/a", "old a");
  EXPECT_EQ(failed(judge(old, options)), "ima.files");
  options.rules.old_files["/a"] = {to_bytes(sha256(as_view("old a")).view())};
  options.rules.old_until = 1000;
  options.at = 1000;
  EXPECT_EQ(failed(judge(old, options)), "");
  options.at = 1001;  // the update window is over
  EXPECT_EQ(failed(judge(old, options)), "ima.files");
}

TEST(ImaJudgement, AViolationIsNoListedFile) {
  Bytes list = file_entry("/a", "a");
  std::fill_n(list.begin() + 4, 20, std::uint8_t{0});
  ImaOptions options;
  EXPECT_EQ(failed(judge(list, options)), "");
  EXPECT_EQ(judge(list).violations, 1U);
  options.rules.files["/a"] = {to_bytes(sha256(as_view("a")).view())};
  options.rules.no_violations = true;
  EXPECT_EQ(failed(judge(list, options)), "ima.violations ima.files");
}

TEST(ImaJudgement, TheBootAggregateTiesTheListToItsBoot) {
  Bytes all;
  ImaOptions options;
  for (std::uint32_t pcr = 0; pcr < 10; pcr++) {
    options.pcrs[11][pcr] = Bytes(32, static_cast<std::uint8_t>(pcr));
    all = all + options.pcrs[11][pcr];
  }
  Bytes list = entry("ima-ng", digest_field("sha256:", sha256(all).view()) + name_field("boot_aggregate"));
  EXPECT_EQ(judge(list, options).boot_aggregate_rules, std::vector<std::string>{"sha256_pcr0-9"});
  options.pcrs[11][9][0] ^= 1;
  EXPECT_EQ(failed(judge(list, options)), "ima.boot-aggregate");
}

TEST(ImaAscii, EveryTemplateHasOneMeaningInBothForms) {
  std::string d(64, 'a');
  Bytes digest(32, 0xaa);
  struct Case {
    std::string name, line;
    Bytes data;
  };
  Bytes uid{0xe8, 3, 0, 0};
  const Case cases[] = {
      {"ima-ng", "sha256:" + d + " /a b", digest_field("sha256:", digest) + name_field("/a b")},
      {"ima-ngv2", "verity:sha256:" + d + " /a", digest_field("verity:sha256:", digest) + name_field("/a")},
      {"ima-sig", "sha256:" + d + " /a 0302", digest_field("sha256:", digest) + name_field("/a") + field(Bytes{3, 2})},
      {"ima-sigv2", "ima:sha256:" + d + " /a", digest_field("ima:sha256:", digest) + name_field("/a") + field({})},
      {"ima-buf", "sha256:" + d + " .ima 00ff", digest_field("sha256:", digest) + name_field(".ima") + field(Bytes{0, 255})},
      {"ima-modsig", "sha256:" + d + " /a  sha256:" + d + " 30",
       digest_field("sha256:", digest) + name_field("/a") + field({}) + digest_field("sha256:", digest) + field(Bytes{0x30})},
      {"evm-sig", "sha256:" + d + " /a 05 security.ima 04 aa 1000 1000 33261",
       digest_field("sha256:", digest) + name_field("/a") + field(Bytes{5}) + name_field("security.ima") + field(Bytes{4}) +
           field(Bytes{0xaa}) + field(uid) + field(uid) + field(Bytes{0xed, 0x81})},
      {"n-ng|d-ng", "/a sha256:" + d, name_field("/a") + digest_field("sha256:", digest)},
  };
  for (const Case& c : cases) {
    Bytes expected = entry(c.name, c.data);
    std::string line = "10 " + to_hex(View(expected).subspan(4, 20)) + " " + c.name + " " + c.line + "\n";
    auto made = must(ima::binary_of_ascii(as_view(line)));
    EXPECT_EQ(made.bytes, expected) << c.name;
    EXPECT_EQ(failed(judge(made.bytes)), "") << c.name;
  }
}

TEST(ImaAscii, LinesWithoutTheFormAreRefused) {
  std::string hash(40, 'a');
  for (const std::string& line : {std::string("this is no list"), "10 " + hash, "10 " + hash + " nothing /a", "x " + hash + " ima-ng a:00 /a",
                                  "10 " + hash.substr(1) + " ima-ng sha1:00 /a", "10 " + hash + " ima-ng sha256:0g /a",
                                  "10 " + hash + " ima-ng aabb /a", "10 " + hash + " ima-sig sha1:00 /a zz"})
    EXPECT_FALSE(ima::binary_of_ascii(as_view(line))) << line;
  EXPECT_TRUE(must(ima::binary_of_ascii({})).bytes.empty());
}

TEST(ImaRules, Patterns) {
  EXPECT_TRUE(matches_pattern("/var/*", "/var/log/x"));
  EXPECT_TRUE(matches_pattern("*.so", "/lib/a.so"));
  EXPECT_TRUE(matches_pattern("/a?c", "/abc"));
  EXPECT_FALSE(matches_pattern("/var/*", "/usr/var/x"));
  EXPECT_FALSE(matches_pattern("*.so", "/lib/a.so.1"));
  EXPECT_FALSE(matches_pattern("a*a*a*a*a*a*a*b", std::string(5000, 'a')));
}

}  // namespace
}  // namespace attest
