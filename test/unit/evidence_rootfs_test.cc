// Root file systems of containers as they are measured: one digest over the archive that Go's tools would write.
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <filesystem>
#include <fstream>

#include "evidence/container/rootfs.h"
#include "evidence/core/fd.h"
#include "evidence/core/hex.h"
#include "test/support/temp_dir.h"

namespace attest::container {
namespace {

class Rootfs : public testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::create_directories(root() / "etc");
    put("etc/b", "content");
    put("etc/a", "");
    std::filesystem::create_symlink("../b", root() / "link");
    std::filesystem::create_hard_link(root() / "etc/b", root() / "hard");
  }
  std::filesystem::path root() const { return folder_.path() / "r"; }
  void put(const std::string& name, std::string_view text) const { std::ofstream(root() / name) << text; }
  Digest digest() const {
    auto out = rootfs_digest(root());
    EXPECT_TRUE(out) << out.error().what;
    return out ? *out : Digest();
  }
  test::TempDir folder_;
};

TEST_F(Rootfs, IsTheDigestOfAnArchiveInTheOrderOfNames) {
  for (const char* name : {"etc/a", "etc/b"}) ASSERT_EQ(chmod((root() / name).c_str(), 0644), 0);
  ASSERT_EQ(chmod((root() / "etc").c_str(), 0755), 0);
  unsigned uid = getuid(), gid = getgid();
  Bytes archive;
  auto add = [&](const Bytes& more) { archive.insert(archive.end(), more.begin(), more.end()); };
  add(tar_header({"etc/", "", '5', 0755, uid, gid, 0, 0, 0, {}}));
  add(tar_header({"etc/a", "", '0', 0644, uid, gid, 0, 0, 0, {}}));
  add(tar_header({"etc/b", "", '0', 0644, uid, gid, 0, 0, 7, {}}));
  Bytes content = to_bytes(as_view("content"));
  content.resize(512);
  add(content);
  add(tar_header({"hard", "etc/b", '1', 0644, uid, gid, 0, 0, 0, {}}));
  add(tar_header({"link", "../b", '2', 0777, uid, gid, 0, 0, 0, {}}));
  archive.resize(archive.size() + 1024);
  EXPECT_EQ(digest(), sha256(archive));
}

TEST_F(Rootfs, EveryChangeShowsAndTimesDoNot) {
  Digest before = digest();
  std::filesystem::last_write_time(root() / "etc/a", std::filesystem::file_time_type::clock::now() - std::chrono::hours(50));
  EXPECT_EQ(digest(), before);
  put("etc/a", "x");
  Digest written = digest();
  EXPECT_NE(written, before);
  ASSERT_EQ(chmod((root() / "etc/a").c_str(), 04755), 0);
  EXPECT_NE(digest(), written) << "set-user-id";
  Digest mode = digest();
  std::filesystem::rename(root() / "etc/a", root() / "etc/c");
  EXPECT_NE(digest(), mode);
  Digest renamed = digest();
  std::filesystem::remove(root() / "link");
  std::filesystem::create_symlink("../c", root() / "link");
  EXPECT_NE(digest(), renamed);
}

TEST_F(Rootfs, RefusesWhatItCannotMeasure) {
  EXPECT_FALSE(rootfs_digest(root() / "absent"));
  EXPECT_FALSE(rootfs_digest(root() / "hard")) << "a file";
  EXPECT_FALSE(rootfs_digest(root(), {3, 256, 1 << 20})) << "too many entries";
  EXPECT_FALSE(rootfs_digest(root(), {100, 0, 1 << 20})) << "too deep";
  EXPECT_FALSE(rootfs_digest(root(), {100, 256, 6})) << "too large";
  OwnedFd socket(::socket(AF_UNIX, SOCK_STREAM, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::string path = root() / "s";
  ASSERT_LT(path.size(), sizeof address.sun_path);
  path.copy(address.sun_path, path.size());
  ASSERT_EQ(bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  Digest with = digest();
  std::filesystem::remove(path);
  EXPECT_EQ(digest(), with) << "a socket is nobody's content";
}

TEST(Tar, LongNamesAndCapabilitiesGoIntoRecords) {
  auto octal = [](View block, std::size_t at, std::size_t n) { return std::stoul(std::string(as_text(block.subspan(at, n))), nullptr, 8); };
  for (const TarEntry& entry : {TarEntry{"a/" + std::string(300, 'n'), "", '0', 0644}, TarEntry{"x", std::string(200, 'l'), '2', 0777},
                                TarEntry{"\xc3\xa4", "", '0', 0644}, TarEntry{"cap", "", '0', 0755, 0, 0, 0, 0, 0, Bytes{1, 0, 2}}}) {
    Bytes out = tar_header(entry);
    ASSERT_EQ(out.size(), 3 * 512u) << entry.path;
    EXPECT_EQ(out[156], 'x');
    std::size_t size = octal(out, 124, 11);
    std::string text(as_text(View(out).subspan(512, size)));
    EXPECT_EQ(text.back(), '\n');
    EXPECT_EQ(std::stoul(text), size) << "one record whose length counts itself";
    for (std::size_t block : {std::size_t{0}, std::size_t{1024}}) {
      std::uint64_t sum = 8 * ' ';
      for (std::size_t i = 0; i < 512; i++) sum += i >= 148 && i < 156 ? 0 : out[block + i];
      EXPECT_EQ(octal(View(out).subspan(block), 148, 6), sum);
    }
  }
  EXPECT_EQ(tar_header({std::string(90, 'p') + "/" + std::string(90, 'n'), "", '0', 0644}).size(), 512u) << "prefix and name";
}

// What Go's archive/tar (1.26, FormatPAX, modification time 0) writes for the same entries, as SHA-256: CMC's tools measure with it.
TEST(Tar, WritesWhatGoWrites) {
  auto times = [](const char* what, int n) {
    std::string out;
    while (n-- > 0) out += what;
    return out;
  };
  auto file = [](const std::string& path) { return TarEntry{path, "", '0', 0644, 1, 2, 0, 0, 5, {}}; };
  auto folder = [](const std::string& path) { return TarEntry{path, "", '5', 0755, 0, 0, 0, 0, 0, {}}; };
  auto link = [](const std::string& to, char type, const char* path = "l") { return TarEntry{path, to, type, 0644, 1, 2, 0, 0, 0, {}}; };
  auto with = [](TarEntry entry, Bytes capability) {
    entry.capability = std::move(capability);
    return entry;
  };
  Bytes ping(20);
  ping[0] = 1, ping[3] = 2, ping[5] = 0x20;
  const std::pair<TarEntry, const char*> rows[] = {
      {file("etc/hosts"), "eb03d7d8da117a5011c97d82fe36eec22c9ea232f284ad4ec53221f27d120a40"},
      {file(times("p", 90) + "/" + times("n", 90)), "876e290e1596bbecc95c13162bc58983d896dcd800e2b72d9602af460b2769c6"},
      {folder(times("p", 90) + "/" + times("n", 90) + "/"), "cdcc1b8c85d56d9f442a98eb1784f28e7f84e685b5883ad7916fc059332d217a"},
      {file("a/" + times("n", 300)), "9b9edae21c0bb8eec01cdb639226bc4595a51d8ae147ae92d53f74b9af3c086e"},
      {folder("a/" + times("n", 300) + "/"), "4dbaee5df43c8e0db4fffa8c09a85e6b391848bd5e7171bebf38649e509689a2"},
      {folder(times("n", 99) + "/x" + times("y", 150) + "/"), "c6c8e34ee18f72a37a358ed3dc7fc5c8f1c5da17560edd27b224b72b32c3a36c"},
      {file("usr/share/\xc3\x84rger.crt"), "a6ebf6dbabea9324ba4081a0ef1daa6d6eb478884d8978b3227d950535e41f60"},
      {folder("usr/\xc3\xa4/"), "1b7031b702a380169b299d89e9f852bf035e891c8affab571bb17ad6dcb3e61b"},
      {file("\xc3\xa4/" + times("n", 120)), "df1f19d7f8c4299a22889cbb9f0bf4f48504c93e1864ec361931359ce7f3e0b3"},
      {with(file("bin/ping"), ping), "f12b1bf5256b76de6aabd21d41323294b335188491a6d166453e6389133a9623"},
      {with(file(times("p", 90) + "/" + times("n", 90)), {1, 0, 2}), "a2cc21245825208eddefe13bf803da7d0ac031117ed23daab7ada84b9cbd17a4"},
      {link(times("t", 150), '2'), "b394bd65a717a99d431f7ace86f450f356121fa00f1e077add3e3c3c76193382"},
      {link("\xc3\xa9", '2'), "dd7d04605ae5b3e910fc6efe26c787f2f411d67b47d87bec296673cd8ca24fb2"},
      {link(times("t", 99) + "/" + times("u", 20), '2'), "4822fbe1b499b622c7ea843ff0be2cf6b8d46f423adf031c1604d7d1f4be551e"},
      {with(link("etc/hosts", '1', "hard"), {1, 0, 2}), "ab7dcfd7f356481a3cc182bbf42e32a477bdd788992744c5374d40409e43c866"},
      {TarEntry{"dev/null", "", '3', 0644, 1, 2, 1, 3, 0, {}}, "3657361bef3bdb5d585ebef1976384e0b5eb13809ec6224428a03cb9d69593d0"},
      {TarEntry{"big-ids", "", '0', 0644, 3000000, 2500000, 0, 0, 5, {}}, "e6defc29f6e2e9cb24ad0cb1e76a6c7415eb7b8c0cf0ee4891d425516ba58cd6"},
      {TarEntry{"large", "", '0', 0644, 1, 2, 0, 0, std::uint64_t{9} << 30, {}}, "e7685cd166917572a4d8b58146f8fef09fbabb0e90d19b99029f62b941b6a3b4"},
  };
  for (const auto& [entry, due] : rows) EXPECT_EQ(to_hex(sha256(tar_header(entry)).view()), due) << entry.path << " " << entry.link;
}

}  // namespace
}  // namespace attest::container
