#include "cmcd-lite/server/access/access.h"

#include <gtest/gtest.h>

namespace attest {
namespace {

const Digest kWeb = sha256(as_view("web"));
const Digest kDb = sha256(as_view("db"));
const Digest kMachine = sha256(as_view("machine"));
const Digest kStranger = sha256(as_view("stranger"));
constexpr uid_t kOwn = 900;

unsigned rights(std::initializer_list<Right> list) {
  unsigned sum = 0;
  for (Right right : list) sum |= static_cast<unsigned>(right);
  return sum;
}

KeyRule any_key() { return {KeyRule::Kind::any, "", {}, {}}; }
KeyRule spki_key(const Digest& spki) { return {KeyRule::Kind::spki, "", spki, {}}; }
KeyRule named_key(const char* name) { return {KeyRule::Kind::name, name, {}, {}}; }
KeyRule machine_key() { return {KeyRule::Kind::machine, "", {}, {}}; }

CallerRule rule(const char* name, uid_t uid, std::vector<Role> roles, std::vector<KeyRule> keys,
                unsigned sum) {
  CallerRule made;
  made.name = name;
  made.uid = uid;
  made.service = std::string(name) + "-service";
  made.roles = std::move(roles);
  made.keys = std::move(keys);
  made.rights = sum;
  return made;
}

const unsigned kAll = rights({Right::attest, Right::judge, Right::sign});

// Everybody: uid 33 nginx serves with its key; 70 postgres with the daemon's key "db"; 1000 a user with the
// machine's.
std::vector<CallerRule> rules() {
  CallerRule everyone;
  everyone.name = "everyone";
  everyone.any_uid = true;
  everyone.rights = rights({Right::judge});
  return {rule("nginx", 33, {Role::server}, {spki_key(kWeb)}, kAll),
          rule("postgres", 70, {Role::server, Role::client}, {named_key("db")}, kAll),
          rule("user", 1000, {Role::client, Role::server}, {machine_key()}, kAll),
          rule("batch", 1001, {Role::client, Role::server}, {any_key()}, kAll), everyone};
}

bool names(std::string_view name, const Digest& spki) { return name == "db" && spki == kDb; }

class AccessTest : public testing::Test {
 protected:
  Result<Grant> attest(uid_t uid, Role role, const Digest& spki) {
    LocalPeer peer{uid, 100, 1, {}};
    return access_.may_attest({peer, sockets_}, role, spki, kMachine, names);
  }
  Result<Grant> sign(uid_t uid, Role role, const Digest& spki) {
    LocalPeer peer{uid, 100, 1, {}};
    return access_.may_sign({peer, sockets_}, role, spki, kMachine, names);
  }
  Result<Grant> may(uid_t uid, Right right) {
    LocalPeer peer{uid, 100, 1, {}};
    return access_.may({peer, sockets_}, right);
  }
  Access access_{rules(), kOwn};
  std::vector<std::string> sockets_;
};

TEST_F(AccessTest, OwnKeyAndRole) {
  auto grant = attest(33, Role::server, kWeb);
  ASSERT_TRUE(grant) << grant.error().what;
  EXPECT_EQ(grant->caller, "nginx");
  EXPECT_EQ(grant->service, "nginx-service");
  EXPECT_FALSE(attest(33, Role::client, kWeb)) << "another role";
  EXPECT_FALSE(attest(33, Role::server, kDb)) << "another's key";
  EXPECT_FALSE(attest(33, Role::server, kStranger));
  EXPECT_FALSE(attest(33, Role::server, Digest())) << "no key at all";
}

TEST_F(AccessTest, KeysByName) {
  EXPECT_TRUE(attest(70, Role::server, kDb));
  EXPECT_TRUE(sign(70, Role::client, kDb));
  EXPECT_FALSE(attest(70, Role::server, kWeb));
  access_ = Access({rule("lost", 70, {Role::server}, {named_key("gone")}, kAll)}, kOwn);
  EXPECT_FALSE(attest(70, Role::server, kDb)) << "a name without a key fits nothing";
  EXPECT_FALSE(attest(70, Role::server, Digest()));
}

TEST_F(AccessTest, AnyKeyIsAnyThatNobodyElseLists) {
  EXPECT_TRUE(attest(1001, Role::server, kStranger));
  EXPECT_FALSE(attest(1001, Role::server, kWeb)) << "nginx lists it";
  EXPECT_FALSE(attest(1001, Role::client, kDb)) << "postgres lists it by name";
}

TEST_F(AccessTest, TheMachinesCertificateNeverServes) {
  EXPECT_TRUE(attest(1000, Role::client, kMachine));
  EXPECT_TRUE(sign(1000, Role::client, kMachine));
  EXPECT_FALSE(attest(1000, Role::server, kMachine));
  EXPECT_FALSE(sign(1000, Role::server, kMachine));
  EXPECT_TRUE(attest(1001, Role::client, kMachine)) << "any includes it, for clients";
  EXPECT_FALSE(attest(1001, Role::server, kMachine));
  EXPECT_FALSE(attest(33, Role::client, kMachine));
  access_ = Access({rule("sly", 5, {Role::server}, {spki_key(kMachine)}, kAll)}, kOwn);
  EXPECT_FALSE(attest(5, Role::server, kMachine)) << "not even where it is listed by its hash";
}

TEST_F(AccessTest, WithoutAnEntryThereIsOnlyWhatEveryoneGets) {
  EXPECT_TRUE(may(4711, Right::judge));
  EXPECT_FALSE(may(4711, Right::raw));
  EXPECT_FALSE(may(4711, Right::control));
  EXPECT_FALSE(attest(4711, Role::client, kStranger));
  EXPECT_FALSE(sign(4711, Role::client, kStranger));
  access_ = Access({}, kOwn);
  EXPECT_FALSE(may(4711, Right::judge));
}

TEST_F(AccessTest, RootAndTheDaemonControlAndNoMore) {
  access_ = Access({}, kOwn);
  EXPECT_TRUE(may(0, Right::control));
  EXPECT_TRUE(may(kOwn, Right::control));
  for (Right right : {Right::attest, Right::judge, Right::sign, Right::raw})
    EXPECT_FALSE(may(0, right)) << right_name(right);
}

TEST_F(AccessTest, ASocketForSomeServesNobodyElse) {
  sockets_ = {"postgres"};
  EXPECT_TRUE(attest(70, Role::server, kDb));
  EXPECT_FALSE(attest(33, Role::server, kWeb));
  EXPECT_FALSE(may(33, Right::judge)) << "the entry for everyone is not named";
  LocalPeer nginx{33, 33, 1, {}};
  LocalPeer postgres{70, 70, 1, {}};
  EXPECT_FALSE(access_.welcome({nginx, sockets_}));
  EXPECT_TRUE(access_.welcome({postgres, sockets_}));
}

TEST_F(AccessTest, GroupsAreThoseOfTheKernel) {
  CallerRule web = rule("web", 0, {Role::server}, {any_key()}, kAll);
  web.uid.reset();
  web.gid = 44;
  access_ = Access({web}, kOwn);
  LocalPeer primary{1, 44, 1, {}};
  LocalPeer member{1, 2, 1, {3, 44}};
  LocalPeer outsider{1, 2, 1, {3}};
  EXPECT_TRUE(access_.may({primary, sockets_}, Right::judge));
  EXPECT_TRUE(access_.may({member, sockets_}, Right::judge));
  EXPECT_FALSE(access_.may({outsider, sockets_}, Right::judge));
  web.uid = 7;
  access_ = Access({web}, kOwn);
  EXPECT_FALSE(access_.may({primary, sockets_}, Right::judge)) << "uid and gid must both fit";
}

TEST_F(AccessTest, OneEntryMustFitAsAWhole) {
  access_ = Access({rule("keys", 33, {Role::server}, {spki_key(kWeb)}, rights({Right::judge})),
                    rule("rights", 33, {Role::client}, {spki_key(kDb)}, rights({Right::attest}))},
                   kOwn);
  EXPECT_FALSE(attest(33, Role::server, kWeb)) << "right from one entry, key from another";
}

TEST_F(AccessTest, ARefusalNamesUserKeyAndRemedy) {
  auto denied = attest(33, Role::server, kStranger);
  ASSERT_FALSE(denied);
  EXPECT_EQ(denied.error().code, Errc::denied);
  for (const char* part : {"daemon.denied", "uid 33", "server", "cert", "reload"})
    EXPECT_NE(denied.error().what.find(part), std::string::npos) << part;
}

}  // namespace
}  // namespace attest
