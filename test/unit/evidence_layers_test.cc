#include "evidence/metadata/layers.h"

#include <gtest/gtest.h>

#include "test/support/metadata_maker.h"

namespace attest {
namespace {

using namespace attest::test;

class LayerOrder : public ::testing::Test {
 protected:
  LayerOrder() : root_(make_root("Root")), signer_(make_signer(root_)) {}
  void add(const Metadata& metadata) {
    std::string text = sign_item(metadata, signer_);
    auto item = verify_metadata(as_view(text), {root_.der()}, kTestNow);
    ASSERT_TRUE(item) << item.error().what;
    items_.push_back(std::make_unique<MetadataItem>(*std::move(item)));
  }
  void manifest(const std::string& name, std::vector<std::string> base) {
    add(make_manifest(name, std::move(base), {}));
  }
  void image(std::vector<std::string> manifests) { add(make_image("web-server", std::move(manifests))); }
  std::string order() {
    std::vector<const MetadataItem*> lent;
    for (const auto& item : items_) lent.push_back(item.get());
    auto layers = order_layers(lent);
    if (!layers) return layers.error().what;
    std::string names = layers->image->metadata->name + ":";
    for (const MetadataItem* item : layers->manifests) names += " " + item->metadata->name;
    return names;
  }
  TestCert root_, signer_;
  std::vector<std::unique_ptr<MetadataItem>> items_;
};

TEST_F(LayerOrder, RootFirstThenWhatStandsOnIt) {
  manifest("app", {"os"});
  manifest("os", {"rtm"});
  manifest("rtm", {"rtm"});
  image({"app", "os", "rtm"});
  EXPECT_EQ(order(), "web-server: rtm os app");
}

TEST_F(LayerOrder, EveryBaseLayerMustBePlaced) {
  manifest("rtm", {"rtm"});
  manifest("os", {"rtm"});
  manifest("app", {"rtm", "os"});
  manifest("extra", {"rtm"});
  image({"app", "extra", "os", "rtm"});
  EXPECT_EQ(order(), "web-server: rtm extra os app");
}

TEST_F(LayerOrder, OnePlacedBaseLayerIsNotEnough) {
  manifest("rtm", {"rtm"});
  manifest("app", {"rtm", "os"});
  image({"rtm", "app"});
  EXPECT_EQ(order(), "metadata: manifest \"app\" cannot be placed: base layers \"os\" do not stand below it");
}

TEST_F(LayerOrder, CirclesAreRefused) {
  manifest("rtm", {"rtm"});
  manifest("a", {"b"});
  manifest("b", {"a"});
  image({"rtm", "a", "b"});
  EXPECT_EQ(order(), "metadata: manifest \"a\" cannot be placed: base layers \"b\" do not stand below it");
}

TEST_F(LayerOrder, AManifestOnItselfAndAnotherIsRefused) {
  manifest("rtm", {"rtm"});
  manifest("a", {"a", "rtm"});
  image({"rtm", "a"});
  EXPECT_EQ(order(), "metadata: manifest \"a\" cannot be placed: base layers \"a\" do not stand below it");
}

TEST_F(LayerOrder, ExactlyOneRoot) {
  manifest("a", {"b"});
  image({"a"});
  EXPECT_EQ(order(), "metadata: no root manifest (one whose base layers are its own name alone)");
  items_.clear();
  manifest("a", {"a"});
  manifest("b", {"b"});
  image({"a", "b"});
  EXPECT_EQ(order(), "metadata: several root manifests: \"a\", \"b\"");
}

TEST_F(LayerOrder, ExactlyOneImageDescription) {
  manifest("rtm", {"rtm"});
  EXPECT_EQ(order(), "metadata: no image description");
  image({"rtm"});
  image({"rtm"});
  EXPECT_EQ(order(), "metadata: two image descriptions, \"web-server\" and \"web-server\"");
}

TEST_F(LayerOrder, ExactlyTheDescribedManifests) {
  manifest("rtm", {"rtm"});
  image({"rtm", "os"});
  EXPECT_EQ(order(),
            "metadata: manifest \"os\" of image description \"web-server\" 2026-11-17T11:06:40Z is missing");
  items_.pop_back();
  manifest("os", {"rtm"});
  image({"rtm"});
  EXPECT_EQ(order(),
            "metadata: manifest \"os\" is not part of image description \"web-server\" 2026-11-17T11:06:40Z");
  items_.pop_back();
  manifest("os", {"rtm"});
  image({"rtm", "os"});
  EXPECT_EQ(order(), "metadata: two manifests named \"os\"");
}

TEST_F(LayerOrder, NamesAreComparedExactly) {
  manifest("rtm", {"rtm"});
  image({"RTM"});
  EXPECT_NE(order().find("is missing"), std::string::npos);
}

}  // namespace
}  // namespace attest
