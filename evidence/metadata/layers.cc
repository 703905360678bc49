#include "evidence/metadata/layers.h"

#include <algorithm>
#include <map>
#include <set>

#include "evidence/core/printable.h"

namespace attest {
namespace {

using ByName = std::map<std::string_view, const MetadataItem*>;

std::string quoted(std::string_view name) { return "\"" + printable(name) + "\""; }

Error mismatch(std::string what) { return {Errc::mismatch, "metadata: " + std::move(what)}; }

// sort_in files the items by kind.
Result<const MetadataItem*> sort_in(std::span<const MetadataItem* const> items, ByName& manifests) {
  const MetadataItem* image = nullptr;
  for (const MetadataItem* item : items) {
    const Metadata& metadata = *item->metadata;
    if (metadata.type == MetadataType::image_description) {
      if (image != nullptr)
        return mismatch("two image descriptions, " + quoted(image->metadata->name) + " and " +
                        quoted(metadata.name));
      image = item;
    } else if (metadata.type == MetadataType::manifest) {
      if (!manifests.emplace(metadata.name, item).second)
        return mismatch("two manifests named " + quoted(metadata.name));
    }
  }
  if (image == nullptr) return mismatch("no image description");
  return image;
}

// check_described: the manifests given are those described, no more and no fewer.
Status check_described(const MetadataItem& image, const ByName& manifests) {
  const auto& described = image.metadata->image.manifests;
  for (const std::string& name : described)
    if (!manifests.contains(name))
      return mismatch("manifest " + quoted(name) + " of " + describe(*image.metadata) + " is missing");
  for (const auto& [name, item] : manifests)
    if (std::ranges::find(described, name) == described.end())
      return mismatch("manifest " + quoted(name) + " is not part of " + describe(*image.metadata));
  return ok();
}

bool is_root(const Metadata& metadata) {
  return metadata.manifest.base_layers.size() == 1 && metadata.manifest.base_layers.front() == metadata.name;
}

Status check_one_root(const std::vector<const MetadataItem*>& manifests) {
  std::string roots;
  std::size_t count = 0;
  for (const MetadataItem* item : manifests) {
    if (!is_root(*item->metadata)) continue;
    roots += (count++ > 0 ? ", " : "") + quoted(item->metadata->name);
  }
  if (count == 0) return mismatch("no root manifest (one whose base layers are its own name alone)");
  if (count > 1) return mismatch("several root manifests: " + roots);
  return ok();
}

// ready: everything below it has been placed.
bool ready(const Metadata& metadata, const std::set<std::string_view>& placed) {
  if (is_root(metadata)) return true;
  return std::ranges::all_of(metadata.manifest.base_layers,
                             [&](const std::string& name) { return placed.contains(name); });
}

Error unplaceable(const Metadata& metadata, const std::set<std::string_view>& placed) {
  std::string missing;
  for (const std::string& name : metadata.manifest.base_layers)
    if (!placed.contains(name)) missing += (missing.empty() ? "" : ", ") + quoted(name);
  return mismatch("manifest " + quoted(metadata.name) + " cannot be placed: base layers " + missing +
                  " do not stand below it");
}

// place moves layer after layer from waiting into order.
Status place(std::vector<const MetadataItem*> waiting, std::vector<const MetadataItem*>& order) {
  std::set<std::string_view> placed;
  while (!waiting.empty()) {
    auto rest = std::stable_partition(waiting.begin(), waiting.end(), [&](const MetadataItem* item) {
      return ready(*item->metadata, placed);
    });
    if (rest == waiting.begin()) return unplaceable(*waiting.front()->metadata, placed);
    for (auto it = waiting.begin(); it != rest; ++it) {
      order.push_back(*it);
      placed.insert((*it)->metadata->name);
    }
    waiting.erase(waiting.begin(), rest);
  }
  return ok();
}

}  // namespace

Result<Layers> order_layers(std::span<const MetadataItem* const> items) {
  ByName manifests;
  Layers layers;
  TRY(layers.image, sort_in(items, manifests));
  CHECK_OK(check_described(*layers.image, manifests));
  std::vector<const MetadataItem*> waiting;
  for (const std::string& name : layers.image->metadata->image.manifests)
    waiting.push_back(manifests.at(name));
  CHECK_OK(check_one_root(waiting));
  CHECK_OK(place(std::move(waiting), layers.manifests));
  return layers;
}

}  // namespace attest
