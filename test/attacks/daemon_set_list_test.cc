// The signed list of what is current: rolled back, forgotten, of the future, by another signer; and its update windows.
#include <gtest/gtest.h>

#include "cmcd-lite/server/freshness/set_memory.h"
#include "evidence/core/file.h"
#include "evidence/metadata/set_list.h"
#include "test/support/evidence_maker.h"
#include "test/support/machine_daemon.h"

namespace attest {
namespace {

using namespace attest::test;

Digest digest_of(const std::string& item) { return sha256(as_view(item)); }

// Judging: the world's verifier with a set list.
class ListedWorld : public testing::Test {
 protected:
  SetList list() const {
    SetList made;
    made.name = "fleet";
    made.sequence = 7;
    made.version_time = made.not_before = kTestNow - kDay;
    made.not_after = kTestNow + kDay;
    made.entries = {{MetadataType::image_description, world_.image.name, digest_of(world_.image_item), std::nullopt},
                    {MetadataType::manifest, world_.firmware.name, digest_of(world_.firmware_item), std::nullopt},
                    {MetadataType::manifest, world_.os.name, digest_of(world_.os_item), std::nullopt}};
    return made;
  }
  void hold(const std::vector<std::string>& items, const SetList& list) {
    TempDir folder;
    for (std::size_t i = 0; i < items.size(); i++)
      ASSERT_TRUE(write_file_atomic(folder.file(std::to_string(i) + ".json"), as_view(items[i])));
    auto set = ActiveSet::load(folder.path(), world_.roots, world_.now, {}, std::make_shared<const SetList>(list));
    ASSERT_TRUE(set) << set.error().what;
    world_.active = *std::move(set);
  }
  std::vector<std::string> items() const { return {world_.image_item, world_.firmware_item, world_.os_item}; }
  World world_;
};

TEST_F(ListedWorld, WhatIsListedCounts) {
  hold(items(), list());
  EXPECT_EQ(name_of(world_.judge()), "");
}

TEST_F(ListedWorld, AnItemThatIsNotListedCountsForNothing) {
  SetList without = list();
  without.entries[2].digest = Digest::filled(HashAlg::sha256, 9);
  hold(items(), without);
  EXPECT_EQ(name_of(world_.judge()), "set-list.unlisted");
  world_.machine.sent = {to_bytes(as_view(world_.os_item))};
  EXPECT_EQ(name_of(world_.judge()), "set-list.unlisted") << "evidence supplies bytes of listed digests alone";
}

TEST_F(ListedWorld, EvidenceMaySupplyAListedItem) {
  hold({world_.image_item, world_.firmware_item}, list());
  EXPECT_EQ(name_of(world_.judge()), "metadata.missing");
  world_.machine.sent = {to_bytes(as_view(world_.os_item))};
  EXPECT_EQ(name_of(world_.judge()), "");
}

TEST_F(ListedWorld, TheListDecidesNotTheVersion) {
  std::string newer = sign_item(with_version(world_.os, kTestNow - 1), world_.signer);
  std::vector<std::string> all = items();
  all.push_back(newer);
  hold(all, list());
  EXPECT_EQ(name_of(world_.judge()), "") << "a newer item that is not listed is not in force";
}

TEST_F(ListedWorld, AnOldItemCountsUntilItsWindowEnds) {
  std::string newer = sign_item(with_version(world_.os, kTestNow - 1), world_.signer);
  SetList window = list();
  window.entries[2].until = kTestNow + 100;
  window.entries.push_back({MetadataType::manifest, world_.os.name, digest_of(newer), std::nullopt});
  std::vector<std::string> all = items();
  all.push_back(newer);
  hold(all, window);
  EXPECT_EQ(name_of(world_.judge()), "");
  world_.now = kTestNow + 101;
  EXPECT_EQ(name_of(world_.judge()), "metadata.rollback") << "without a reload";
  world_.machine.metadata[2] = digest_of(newer);
  EXPECT_EQ(name_of(world_.judge()), "");
}

TEST_F(ListedWorld, AListThatRanOutVouchesForNothing) {
  hold(items(), list());
  world_.now = kTestNow + kDay + 1;
  EXPECT_EQ(name_of(world_.judge()), "set-list.expired");
}

TEST_F(ListedWorld, AListedDigestUnderAnotherNameIsLeftOut) {
  SetList renamed = list();
  renamed.entries[2].name = "kernel";
  hold(items(), renamed);
  EXPECT_NE(name_of(world_.judge()), "");
}

// Following: a daemon, its folder and its memory.
class Following : public testing::Test {
 protected:
  void SetUp() override {
    for (const char* name : {"os", "image"}) items_.push_back(item(name, 0));
    daemon_.put_metadata("os", items_[0]);
    daemon_.put_metadata("image", items_[1]);
  }
  std::string item(const std::string& name, int variant) const {
    if (name == "image") return authority_.sign(make_image("image", {"os"}));
    return authority_.sign(make_manifest(name, {name}, {tpm_reference(4, "grub" + std::to_string(variant))}));
  }
  std::string published(std::uint64_t sequence, UnixTime version = wall_clock_now() - 60) const {
    return authority_.sign_text(*write_set_list(list(sequence, version)));
  }
  SetList list(std::uint64_t sequence, UnixTime version) const {
    SetList made;
    made.name = "fleet";
    made.sequence = sequence;
    made.version = format_rfc3339(version);
    made.not_before = wall_clock_now() - kDay;
    made.not_after = wall_clock_now() + 30 * kDay;
    made.entries = {{MetadataType::manifest, "os", digest_of(items_[0]), std::nullopt},
                    {MetadataType::image_description, "image", digest_of(items_[1]), std::nullopt}};
    return made;
  }
  void put_list(const std::string& name, const std::string& text) { daemon_.write("metadata/" + name + ".list", text); }
  // status after a reload: the part about the set list, and all warnings.
  std::string status() {
    EXPECT_TRUE(daemon_.control(R"({"op":"reload"})").starts_with("{\"ok\""));
    return daemon_.control(R"({"op":"status"})");
  }
  bool in_force(const std::string& status, std::uint64_t sequence) {
    std::string set = member_raw(status, "set_list");
    return set.find("\"in_force\":true") != std::string::npos &&
           set.find("\"sequence\":" + std::to_string(sequence) + ",") != std::string::npos &&
           status.find("\"image\":\"image\"") != std::string::npos;
  }
  bool refused(const std::string& status, const std::string& name) {
    return member_raw(status, "set_list").find("\"in_force\":false") != std::string::npos &&
           status.find("\"" + name + ": ") != std::string::npos && status.find("\"image\":\"\"") != std::string::npos;
  }
  std::string follow(std::uint64_t sequence) {
    return daemon_.control(R"({"op":"metadata.follow","name":"fleet","sequence":)" + std::to_string(sequence) + "}");
  }
  bool start() {
    daemon_.metadata_members += R"("set_list": "fleet",)";
    return daemon_.start();
  }
  Authority authority_;
  MachineDaemon daemon_{authority_};
  std::vector<std::string> items_;
};

TEST_F(Following, BeginsWhereAPersonSays) {
  put_list("seven", published(7));
  ASSERT_TRUE(start());
  EXPECT_TRUE(refused(status(), "set-list.memory")) << status();
  EXPECT_TRUE(follow(8).starts_with("{\"ok\""));
  EXPECT_TRUE(refused(status(), "set-list.rollback")) << status();
  put_list("eight", published(8));
  EXPECT_TRUE(in_force(status(), 8)) << status();
  EXPECT_NE(follow(7).find("set-list.rollback"), std::string::npos) << "the command never goes back";
}

TEST_F(Following, NeverGoesBack) {
  put_list("seven", published(7));
  put_list("eight", published(8));
  ASSERT_TRUE(start());
  EXPECT_TRUE(follow(7).starts_with("{\"ok\""));
  EXPECT_TRUE(in_force(status(), 8));
  std::filesystem::remove(daemon_.path("metadata/eight.list"));
  EXPECT_TRUE(refused(status(), "set-list.rollback")) << "the newer list was taken away";
  daemon_.stop();
  ASSERT_TRUE(daemon_.start());
  EXPECT_TRUE(refused(status(), "set-list.rollback")) << "a restart forgets nothing";
  put_list("eight", published(8, wall_clock_now() - 30));
  EXPECT_TRUE(refused(status(), "set-list.rollback")) << "another list of the same number";
  put_list("nine", published(9));
  EXPECT_TRUE(in_force(status(), 9));
}

TEST_F(Following, ALostMemoryIsAnErrorThatACommandClears) {
  put_list("seven", published(7));
  ASSERT_TRUE(start());
  EXPECT_TRUE(follow(7).starts_with("{\"ok\""));
  EXPECT_TRUE(in_force(status(), 7));
  std::filesystem::remove(daemon_.path("set-lists"));
  EXPECT_TRUE(refused(status(), "set-list.memory"));
  EXPECT_TRUE(follow(7).starts_with("{\"ok\""));
  EXPECT_TRUE(in_force(status(), 7));
  daemon_.write("set-lists", "not what it was");
  EXPECT_TRUE(refused(status(), "set-list.memory"));
  EXPECT_TRUE(follow(7).starts_with("{\"ok\""));
  EXPECT_TRUE(in_force(status(), 7));
}

TEST_F(Following, ARevokedSignersListCountsForNothing) {
  put_list("seven", published(7));
  auto revoke = [&](const std::vector<const TestCert*>& signers) {
    UnixTime now = wall_clock_now();
    daemon_.write("signers.crl", as_text(make_crl(authority_.root(), signers, now - kDay, now + kDay)));
  };
  revoke({});
  daemon_.metadata_members = R"("crls": ["signers.crl"],)";
  ASSERT_TRUE(start());
  EXPECT_TRUE(follow(7).starts_with("{\"ok\""));
  EXPECT_TRUE(in_force(status(), 7)) << "covered, and not revoked";
  revoke({&authority_.signer()});
  EXPECT_TRUE(refused(status(), "set-list.missing")) << "from the next reload on";
}

TEST_F(Following, OneOfTheFutureWaits) {
  put_list("seven", published(7));
  put_list("eight", published(8, wall_clock_now() + 3600));
  ASSERT_TRUE(start());
  EXPECT_TRUE(follow(7).starts_with("{\"ok\""));
  EXPECT_TRUE(in_force(status(), 7));
}

TEST_F(Following, ANewSignerGoesOnWithTheNumbers) {
  Authority other;
  put_list("seven", published(7));
  put_list("eight", other.sign_text(*write_set_list(list(8, wall_clock_now() - 60))));
  ASSERT_TRUE(start());
  EXPECT_TRUE(follow(7).starts_with("{\"ok\""));
  EXPECT_TRUE(in_force(status(), 7)) << "a list by nobody we trust counts for nothing";
  daemon_.write("signers.pem", authority_.root().pem() + other.root().pem());
  EXPECT_TRUE(in_force(status(), 8));
  daemon_.write("signers.pem", other.root().pem());
  std::string replaced = status();
  EXPECT_NE(member_raw(replaced, "set_list").find("\"sequence\":8,"), std::string::npos) << replaced;
  EXPECT_NE(replaced.find("\"image\":\"\""), std::string::npos) << "items of the old signer do not count any more";
  daemon_.write("signers.pem", authority_.root().pem());
  std::filesystem::remove(daemon_.path("metadata/eight.list"));
  EXPECT_TRUE(refused(status(), "set-list.rollback")) << "the old signer's lists are older ones";
}

}  // namespace
}  // namespace attest
