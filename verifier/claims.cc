#include "verifier/claims.h"

#include <algorithm>
#include <unordered_map>

#include "evidence/core/hex.h"
#include "evidence/core/printable.h"
#include "evidence/metadata/jws.h"
#include "evidence/metadata/payload.h"

namespace attest {
namespace {

using Item = std::shared_ptr<const MetadataItem>;

// Chooser looks items up. The active set is copied (pointers alone) only if an item came that it lacks.
class Chooser {
 public:
  Chooser(const Case& c, const ActiveSet& active, Verdict& verdict) : case_(c), active_(active), verdict_(verdict) {
    for (const Bytes& item : c.evidence.metadata) supplied_.emplace(sha256(View(item)), &item);
  }

  Item choose(const Digest& digest) {
    if (!in_window(digest)) return nullptr;
    if (Item item = active_.find(digest)) return item;
    auto came = supplied_.find(digest);
    if (came == supplied_.end()) return missing(digest);
    if (!overlay_) overlay_.emplace(active_);
    Status added = overlay_->add(*came->second, case_.question.now);
    if (!added) return refused(digest, *came->second, added.error());
    if (Item item = overlay_->find(digest)) return item;
    return missing(digest);
  }

 private:
  // in_window: an item that a newer one replaced counts up to the end the set list gives it.
  bool in_window(const Digest& digest) {
    const SetList* list = active_.list();
    const SetEntry* entry = list != nullptr ? list->find(digest) : nullptr;
    if (entry == nullptr || !entry->until || case_.question.now <= *entry->until) return true;
    verdict_.fail(check::kMetadataRollback, "item " + short_hex(digest.view()) + ", an older \"" + printable(entry->name) +
                                                "\", counted until " + format_rfc3339(*entry->until) + " (" + describe(*list) + ")",
                  "update the peer's metadata");
    return false;
  }
  Item missing(const Digest& digest) {
    if (active_.list() != nullptr && active_.list()->find(digest) == nullptr) {
      verdict_.fail(check::kSetUnlisted, "the peer names item " + to_hex(digest.view()) + ", which " + describe(*active_.list()) + " does not list",
                    "update the peer's metadata, or import the newest set list here");
      return nullptr;
    }
    verdict_.fail(check::kMetadataMissing, "this machine does not hold the signed item " + to_hex(digest.view()) + " that the peer names",
                  "fetch it and run: attestctl metadata import FILE");
    return nullptr;
  }
  Item refused(const Digest& digest, View bytes, const Error& error) {
    if (error.code == Errc::denied && active_.list() != nullptr) return missing(digest);
    std::string why = "item " + short_hex(digest.view()) + " that came with the evidence: " + error.what;
    if (error.code != Errc::stale)
      verdict_.fail(check::kMetadataUntrusted, std::move(why), "compare the signer with metadata.signers in cmcd.json");
    else if (newer_held(bytes))
      verdict_.fail(check::kMetadataRollback, std::move(why), "update the peer's metadata");
    else
      verdict_.fail(check::kMetadataExpired, std::move(why), "sign and publish a renewed item");
    return nullptr;
  }
  // newer_held: the set holds a version of the same name that is not older. The payload is unverified, so this chooses between
  // two names for a refusal and nothing else.
  bool newer_held(View bytes) const {
    auto payload = unverified_payload(bytes);
    if (!payload) return false;
    auto metadata = parse_payload(*payload);
    if (!metadata) return false;
    Item held = overlay_->find_name(metadata->type, metadata->name);
    return held && held->metadata->version_time >= metadata->version_time;
  }

  const Case& case_;
  const ActiveSet& active_;
  Verdict& verdict_;
  std::unordered_map<Digest, const Bytes*, DigestHash> supplied_;  // by its own hash, never by a claimed one
  std::optional<ActiveSet> overlay_;
};

void note_validity(const Metadata& metadata, UnixTime now, Verdict& verdict) {
  if (Status valid = check_validity(metadata, now); !valid)
    verdict.fail(check::kMetadataExpired, valid.error().what, "sign and publish a renewed item, then attestctl metadata import");
}

// check_one_image: the machine says which image it runs, once. Metadata that judges nothing here has no place in the claim.
bool check_one_image(const std::vector<Item>& items, Verdict& verdict) {
  auto images = std::ranges::count_if(items, [](const Item& i) { return i->metadata->type == MetadataType::image_description; });
  if (images == 1) return true;
  verdict.fail(check::kMetadataImage, images == 0 ? "the peer names no image description" : "the peer names " + std::to_string(images) + " image descriptions",
               "set metadata.image in the peer's cmcd.json");
  return false;
}

// note_list: what is current cannot be told from a list that has run out.
void note_list(const ActiveSet& active, UnixTime now, Verdict& verdict) {
  const SetList* list = active.list();
  if (list == nullptr) return;
  if (now < list->not_before || now > list->not_after)
    return verdict.fail(check::kSetExpired, describe(*list) + " is valid from " + format_rfc3339(list->not_before) + " to " + format_rfc3339(list->not_after),
                        "publish a new one (attestctl metadata publish) and import it here");
  verdict.pass(check::kSetExpired);
}

}  // namespace

bool choose_metadata(const Case& c, const ActiveSet& active_set, ClaimedMetadata& out, Verdict& verdict) {
  note_list(active_set, c.question.now, verdict);
  out.references = &active_set.references();
  Chooser chooser(c, active_set, verdict);
  for (const Digest& digest : c.context.metadata) out.items.push_back(chooser.choose(digest));
  for (const Item& item : out.items)
    if (item) note_validity(*item->metadata, c.question.now, verdict);
  if (std::ranges::find(out.items, nullptr) != out.items.end()) return false;
  if (!check_one_image(out.items, verdict)) return false;
  std::vector<const MetadataItem*> lent;
  for (const Item& item : out.items) lent.push_back(item.get());
  auto layers = order_layers(lent);
  if (!layers) {
    verdict.fail(check::kMetadataLayers, layers.error().what, "publish a consistent set of manifests for this image");
    return false;
  }
  out.layers = *std::move(layers);
  verdict.pass(check::kMetadataLayers);
  return true;
}

std::vector<AnchorKind> required_by_metadata(const ClaimedMetadata& metadata) {
  std::vector<AnchorKind> out;
  for (const MetadataItem* item : metadata.layers.manifests)
    for (const ReferenceValue& value : item->metadata->manifest.references)
      if (std::ranges::find(out, value.anchor) == out.end()) out.push_back(value.anchor);
  return out;
}

bool needs_hardware(const ClaimedMetadata& metadata) {
  const auto& manifests = metadata.layers.manifests;
  return !manifests.empty() &&
         std::ranges::all_of(manifests, [](const MetadataItem* item) { return item->metadata->manifest.cert_level > 1; });
}

}  // namespace attest
