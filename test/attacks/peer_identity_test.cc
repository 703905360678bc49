// An accepted machine, but not the one, or not the service, that was asked for.
#include <gtest/gtest.h>

#include "evidence/core/hex.h"
#include "test/support/evidence_maker.h"
#include "verifier/checks.h"

namespace attest {
namespace {

using namespace attest::test;

class PeerIdentity : public testing::Test {
 protected:
  // fleet_mate is a machine of the same image with a certified AK of its own.
  void fleet_mate() {
    world.machine.ak = make_ak();
    world.machine.ak_chain = {certify_ak(world.issuer, world.machine.ak, ak_spec()).der()};
  }
  World world;
};

TEST_F(PeerIdentity, FleetMateUnderAPinnedNameIsRefused) {
  fleet_mate();
  world.x509_ok = true;  // even with a certificate for the name: the machine is pinned
  EXPECT_EQ(name_of(world.judge()), check::kAkUntrusted);
}

TEST_F(PeerIdentity, FleetMateWithX509UncheckedIsRefused) {
  fleet_mate();
  world.rule().ak_names.clear();
  EXPECT_EQ(name_of(world.judge()), check::kPeerNotIdentified);
  world.rule().name = "*.example";
  EXPECT_EQ(name_of(world.judge()), check::kPeerNotIdentified);
  world.x509_ok = true;
  EXPECT_EQ(name_of(world.judge()), "");
}

TEST_F(PeerIdentity, OtherServiceOfTheMachineIsRefused) {
  world.rule().services = {"postgres"};
  world.machine.service = "www-data";
  EXPECT_EQ(name_of(world.judge()), check::kPeerService);
  world.machine.service = "";
  EXPECT_EQ(name_of(world.judge()), check::kPeerService);
  world.machine.service = "postgres";
  EXPECT_EQ(name_of(world.judge()), "");
}

// The label is inside what the TPM signed: it cannot be changed on the way.
TEST_F(PeerIdentity, ServiceLabelChangedOnTheWayIsRefused) {
  world.rule().services = {"postgres"};
  world.machine.service = "www-data";
  Evidence evidence = attest_machine(world.machine, world.binder());
  world.machine.service = "postgres";
  evidence.context = *encode_context(context_of(world.machine));
  EXPECT_EQ(name_of(world.judge(evidence)), check::kQuoteNotFresh);
}

TEST_F(PeerIdentity, RuleOfTheOtherRoleDoesNotCount) {
  world.rule().role = Role::client;
  EXPECT_EQ(name_of(world.judge()), check::kPeerUnknown);
}

// The first match decides: a loose rule for every name does not rescue a peer that a stricter rule names.
TEST_F(PeerIdentity, LooserRuleFurtherDownDoesNotCount) {
  PeerRule everybody;
  everybody.name = "*";
  everybody.image_descriptions = {"web-server"};
  world.policy.peers.push_back(everybody);
  fleet_mate();
  EXPECT_EQ(name_of(world.judge()), check::kAkUntrusted);
  world.peer = "b.example";
  EXPECT_EQ(name_of(world.judge()), "");
}

TEST_F(PeerIdentity, ImageNameIsComparedExactly) {
  world.rule().image_descriptions = {"Web-Server", "web-server "};
  EXPECT_EQ(name_of(world.judge()), check::kPeerImage);
}

TEST_F(PeerIdentity, RefusedFactsAreNotReported) {
  world.machine.ak = make_ak();
  Appraisal a = world.judge();
  EXPECT_TRUE(a.anchors.empty());
  EXPECT_TRUE(a.service.empty());
  EXPECT_TRUE(a.image.empty());
}

}  // namespace
}  // namespace attest
