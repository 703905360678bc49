// layers.h: in which order the manifests of a machine stand.
#pragma once
#include <span>

#include "evidence/metadata/metadata.h"

namespace attest {

// Layers is one machine's software: an image description and its manifests, root manifest first.
struct Layers {
  const MetadataItem* image = nullptr;
  std::vector<const MetadataItem*> manifests;
};

// order_layers takes the items a machine claims (lent; the result points to them). Exactly one image
// description; the manifests are exactly those it describes, by exact name, none twice; exactly one root
// manifest, whose base layers are its own name alone; every other manifest stands after all of its base
// layers, otherwise in the order of the image description. Company descriptions are passed over. Validity is
// not judged here. mismatch otherwise, with the names.
Result<Layers> order_layers(std::span<const MetadataItem* const> items);

}  // namespace attest
