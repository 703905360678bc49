// compatibility.cc: do image description and manifests make up one stack?
#include <algorithm>

#include "evidence/core/printable.h"
#include "verifier/cmc/steps.h"

namespace attest::cmc {
namespace {

bool same_name(std::string_view a, std::string_view b) {
  auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return std::ranges::equal(a, b, {}, lower, lower);
}

std::vector<std::string> names_of(const std::vector<Item>& manifests) {
  std::vector<std::string> names;
  for (const Item& item : manifests) names.push_back(item.finding.metadata.name);
  return names;
}

bool contains(const std::vector<std::string>& names, std::string_view name) {
  return std::ranges::any_of(names, [&](const std::string& have) { return same_name(have, name); });
}

void match_descriptions(const Items& items, CompatibilityFinding& out) {
  std::vector<std::string> names = names_of(items.manifests), described;
  for (const Item& image : items.images)
    for (const ManifestDescription& description : image.finding.metadata.descriptions) {
      Finding finding;
      finding.got = description.manifest;
      finding.expected_one_of = names;
      if (!contains(names, description.manifest)) {
        finding.fail();
        out.result.fail("manifest \"" + printable(description.manifest) + "\" is missing");
      }
      described.push_back(description.manifest);
      out.description_match.push_back(std::move(finding));
    }
  for (const std::string& name : names) {
    if (contains(described, name)) continue;
    Finding finding;
    finding.got = name;
    finding.expected_one_of = described;
    finding.fail();
    out.manifest_match.push_back(std::move(finding));
    out.result.fail("no description names manifest \"" + printable(name) + "\"");
  }
}

bool is_root(const Metadata& m) { return m.base_layers.size() == 1 && m.base_layers[0] == m.name; }

// place puts manifests in layer order, breadth first: behind every one those that stand on it. One of its base layers is
// enough for a manifest: CMC's rule, which lets a layer name alternatives.
void place(Items& items, CompatibilityFinding& out) {
  std::vector<Item> waiting = std::move(items.manifests), order;
  auto take = [&](std::vector<Item>::iterator at) {
    Finding finding;
    finding.got = at->finding.metadata.name;
    if (!is_root(at->finding.metadata)) finding.expected_one_of = at->finding.metadata.base_layers;
    out.manifest_compatibility.push_back(std::move(finding));
    order.push_back(std::move(*at));
    waiting.erase(at);
  };
  auto root = std::ranges::find_if(waiting, [](const Item& item) { return is_root(item.finding.metadata); });
  if (root != waiting.end()) take(root);
  for (std::size_t i = 0; i < order.size(); i++) {
    auto stands_on = [base = order[i].finding.metadata.name](const Item& item) {
      return std::ranges::find(item.finding.metadata.base_layers, base) != item.finding.metadata.base_layers.end();
    };
    for (auto at = std::ranges::find_if(waiting, stands_on); at != waiting.end(); at = std::ranges::find_if(waiting, stands_on)) take(at);
  }
  for (Item& item : waiting) {
    Finding finding;
    finding.got = item.finding.metadata.name;
    finding.expected_one_of = item.finding.metadata.base_layers;
    finding.fail();
    out.manifest_compatibility.push_back(std::move(finding));
    out.result.fail("manifest \"" + printable(item.finding.metadata.name) + "\" stands on nothing");
    order.push_back(std::move(item));
  }
  items.manifests = std::move(order);
}

void check_names(const Items& items, CompatibilityFinding& out) {
  std::vector<std::string> names = names_of(items.manifests);
  std::ranges::sort(names);
  if (std::ranges::adjacent_find(names) != names.end()) out.result.fail("two manifests of one name");
  if (items.images.size() > 1) out.result.fail("several image descriptions");
}

}  // namespace

CompatibilityFinding check_compatibility(Items& items) {
  CompatibilityFinding out;
  if (items.images.empty()) out.result.fail(kImageDescriptionNotPresent, "no image description");
  check_names(items, out);
  match_descriptions(items, out);
  auto roots = std::ranges::count_if(items.manifests, [](const Item& item) { return is_root(item.finding.metadata); });
  if (roots == 0) out.result.fail(kNoRootManifest, "no root manifest");
  if (roots > 1) out.result.fail(kMultipleRootManifests, "several root manifests");
  place(items, out);
  return out;
}

}  // namespace attest::cmc
