// items.cc: the signed items of a report: found, recomputed, their signatures judged, sorted by kind.
#include <algorithm>
#include <set>

#include "evidence/cmc/cose.h"
#include "evidence/core/hex.h"
#include "evidence/core/printable.h"
#include "verifier/cmc/steps.h"

namespace attest::cmc {
namespace {

// Found is an item with its SHA-256, whatever the report lists it by.
struct Found {
  View bytes;
  Digest sha256;
};

// find is an item by its digest: as it came, or as it is held for this peer. The digest is computed here.
class ItemStore {
 public:
  ItemStore(const Question& q, const Report& report, HashAlg alg) {
    for (const auto& [claimed, bytes] : report.context.metadata) add(bytes, alg, &claimed);
    for (const auto& [claimed, bytes] : report.context.lent) add(bytes, alg, &claimed);
    for (const Bytes& bytes : q.held) add(bytes, alg, nullptr);
  }
  const Found* find(const std::string& digest) const {
    auto at = by_digest_.find(digest);
    return at == by_digest_.end() ? nullptr : &at->second;
  }
  const std::vector<std::string>& lies() const { return lies_; }

 private:
  void add(View bytes, HashAlg alg, const std::string* claimed) {
    Digest of = hash_of(alg, {bytes});
    std::string digest = to_hex(of.view());
    if (claimed != nullptr && *claimed != digest) lies_.push_back(*claimed);
    by_digest_.emplace(std::move(digest), Found{bytes, alg == HashAlg::sha256 ? of : sha256(bytes)});
  }
  std::map<std::string, Found> by_digest_;
  std::vector<std::string> lies_;
};

void note_signatures(const std::vector<SignatureOutcome>& signatures, const Question& q, bool jws, MetadataFinding& out) {
  for (const SignatureOutcome& signature : signatures) {
    SignatureFinding finding;
    finding.certs = show_chain(signature.chain, signature.root, q.roots);
    if (signature.chain_error) finding.chain.fail(kVerifyCertChain, signature.chain_error->what);
    if (signature.signature_error) {
      finding.signature.fail(kVerifySignature, signature.signature_error->what);
      if (jws) finding.signature.fail(kJwsSignatureOrder);
    }
    if (!finding.signature.good() || !finding.chain.good()) out.summary.fail("a signature is not good");
    out.signatures.push_back(std::move(finding));
  }
}

}  // namespace

void note_window(Finding& out, UnixTime now, const std::string& from, const std::string& until) {
  out.got = format_rfc3339(now);
  out.expected_between = {printable(from, 40), printable(until, 40)};
}

namespace {

// moment is a time that has to be there.
bool moment(const std::string& text, const char* what, Finding& finding, UnixTime& out) {
  auto when = parse_rfc3339(text);
  if (!when) {
    finding.fail(kParseTime, std::string(what) + ": " + when.error().what);
    return false;
  }
  out = *when;
  return true;
}

void check_validity(const Metadata& m, UnixTime now, MetadataFinding& out) {
  UnixTime begin = 0, end = 0;
  if (m.type == kOmspResponse) {
    if (moment(m.produced_at, "producedAt", out.validity, begin) && begin > now)
      out.validity.fail(kNotYetValid, "produced at " + printable(m.produced_at, 40));
  } else if (!m.validity) {
    out.validity.fail("no validity");
  } else if (moment(m.validity->not_before, "notBefore", out.validity, begin) &&
             moment(m.validity->not_after, "notAfter", out.validity, end)) {
    if (now < begin) out.validity.fail(kNotYetValid, "not before " + printable(m.validity->not_before, 40));
    if (now > end) out.validity.fail(kExpired, "not after " + printable(m.validity->not_after, 40));
    if (!out.validity.good()) note_window(out.validity, now, m.validity->not_before, m.validity->not_after);
  }
  if (!out.validity.good()) out.summary.fail("not valid now");
}

// note_unread: an item nothing can be said of, under every code CMC has for such: its parser's, and that there is no payload.
void note_unread(View bytes, const Error& why, Finding& out) {
  JsonSource json(as_text(bytes));
  CborSource cbor(bytes, false);
  json.skip();
  cbor.skip();
  auto encoding = encoding_of(bytes);
  bool whole_json(json.done("item")), whole_cbor(cbor.done("item"));
  if (encoding ? *encoding == Encoding::json : whole_json) out.fail(kParseJson);
  if (encoding ? *encoding == Encoding::cbor : whole_cbor) out.fail(kParseCbor);
  out.fail(kExtractPayload, why.what);
  bool no_chain = why.what.find("x5chain") != std::string::npos || why.what.find("no certificates") != std::string::npos;
  if (!no_chain) return;
  for (Code code : {kParseX5c, kJwsNoKeyOrCert, kVerifyCertChain, kVerifySignature}) out.fail(code);
}

// payload_of: a JWS carries JSON, a COSE_Sign carries CBOR.
Result<Metadata> payload_of(View payload, Encoding signature) {
  TRY(Encoding encoding, encoding_of(payload));
  if (encoding != signature) return Error{Errc::malformed, "metadata: payload and signature are of different serialisations"};
  return parse_metadata(payload);
}

// examine reads an item and looks at its signatures; nullptr if it cannot be read, which is noted.
std::shared_ptr<const KnownItem> examine(const Question& q, View bytes, MetadataFinding& out) {
  auto encoding = encoding_of(bytes);
  bool jws = encoding && *encoding == Encoding::json;
  Memory* memory = memory_of(q);
  ChainJudge judge = memory == nullptr ? signers_of(*q.signers, q.now)
                                       : [memory, &q](const std::vector<Bytes>& chain) { return memory->signer(chain, q.now); };
  auto examined = jws ? examine_jws(bytes, judge) : examine_cose(bytes, judge);
  if (!examined) {
    note_unread(bytes, examined.error(), out.summary);
    return nullptr;
  }
  note_signatures(examined->signatures, q, jws, out);
  auto metadata = payload_of(examined->payload, *encoding);
  if (metadata) return std::make_shared<const KnownItem>(KnownItem{std::move(examined->signatures), *std::move(metadata)});
  out.summary.fail(kParseMetadata, metadata.error().what);
  return nullptr;
}

// known is what an item says and who signed it: remembered, or examined now; nullptr if it cannot be read, which is noted.
std::shared_ptr<const KnownItem> known(const Question& q, const Found& found, MetadataFinding& out) {
  Memory* memory = memory_of(q);
  if (memory == nullptr) return examine(q, found.bytes, out);
  if (auto item = memory->item(found.sha256, q.now)) {
    note_signatures(item->signatures, q, false, out);
    return item;
  }
  auto item = examine(q, found.bytes, out);
  if (item && out.summary.good()) memory->keep(found.sha256, found.bytes.size(), item, q.now);
  return item;
}

Item examine_one(const Question& q, const std::string& digest, const Found& found) {
  Item item;
  item.digest = digest;
  item.bytes = found.bytes;
  MetadataFinding& out = item.finding;
  auto read = known(q, found, out);
  if (!read) return item;
  out.metadata = read->metadata;
  check_validity(out.metadata, q.now, out);
  item.trusted = out.summary.good();
  return item;
}

void file(Item item, Items& out) {
  const std::string& type = item.finding.metadata.type;
  if (type == kImageDescription && !item.finding.metadata.name.empty()) return out.images.push_back(std::move(item));
  if (type == kManifest) return out.manifests.push_back(std::move(item));
  if (type == kCompanyDescription) return out.companies.push_back(std::move(item));
  if (type == kOmspResponse) return out.omsp.push_back(std::move(item));
  item.finding.summary.fail(kUnknownMetadata, "metadata of type \"" + printable(type, 40) + "\"");
  item.trusted = false;
  out.unknown.push_back(std::move(item));
}

}  // namespace

std::vector<Bytes> show_chain(const std::vector<Bytes>& chain, const Digest& root, std::span<const Bytes> roots) {
  std::vector<Bytes> out = chain;
  if (!chain.empty() && sha256(chain.back()) == root) return out;
  auto ours = std::ranges::find_if(roots, [&](const Bytes& der) { return !root.empty() && sha256(der) == root; });
  if (ours != roots.end()) out.push_back(*ours);  // which may stand there for both roles
  return out;
}

Items examine_items(const Question& q, const Report& report, HashAlg alg) {
  Items out;
  ItemStore store(q, report, alg);
  for (const std::string& lie : store.lies())
    out.problems.fail(kVerifyMetadata, "an item is not what its digest " + printable(lie, 64) + " says");
  std::set<std::string> listed;
  for (const std::string& digest : report.context.digests) {
    if (!listed.insert(digest).second) {
      out.problems.fail(kVerifyMetadata, "digest " + printable(digest, 64) + " is listed twice");
      continue;
    }
    const Found* found = store.find(digest);
    if (found == nullptr)
      out.problems.fail(kVerifyMetadata, "no item with digest " + printable(digest, 64));
    else
      file(examine_one(q, digest, *found), out);
  }
  auto check_listed = [&](const auto& items) {
    for (const auto& [claimed, bytes] : items)
      if (!listed.contains(claimed)) out.problems.fail(kVerifyMetadata, "an item that is not listed came along");
  };
  check_listed(report.context.metadata);
  check_listed(report.context.lent);
  return out;
}

namespace {

// rules_for are the rules an image description has for a manifest.
const nlohmann::json* rules_for(const Items& items, const std::string& manifest) {
  for (const Item& image : items.images) {
    if (!image.trusted) continue;
    for (const ManifestDescription& description : image.finding.metadata.descriptions)
      if (description.manifest == manifest && description.oci_rules) return &*description.oci_rules;
  }
  return nullptr;
}

// Standing is where a component's properties put it.
struct Standing {
  const std::vector<Property>* properties = nullptr;  // that say so: most components share theirs
  std::string_view anchor;                            // one we know, or none
  bool has_index = true;                              // where one is due
  std::int64_t index = -1;
};

Standing standing_of(const Component& component) {
  constexpr std::string_view kAnchors[] = {"TPM", "TDX", "SNP", "SGX", "IAS", "SW"};
  Standing out{&component.properties.list(), {}, true, -1};
  const std::string* anchor = component.property("cmc.ta");
  auto known = anchor != nullptr ? std::ranges::find(kAnchors, *anchor) : std::end(kAnchors);
  if (known == std::end(kAnchors)) return out;
  out.anchor = *known;
  const std::string* index = component.property("cmc.index");
  bool digits = index != nullptr && !index->empty() && index->size() <= 3 &&
                std::ranges::all_of(*index, [](char c) { return c >= '0' && c <= '9'; });
  if (digits) out.index = std::stoi(*index);
  out.has_index = out.index >= 0 || (out.anchor != "TPM" && out.anchor != "TDX");
  return out;
}

}  // namespace

References collect_references(const Items& items) {
  References out;
  for (const Item& item : items.manifests) {
    const auto& sbom = item.finding.metadata.sbom;
    if (!item.trusted || !sbom) continue;
    const nlohmann::json* rules = rules_for(items, item.finding.metadata.name);
    Standing standing;
    for (const Component& component : sbom->components) {
      if (standing.properties != &component.properties.list()) standing = standing_of(component);
      if (standing.anchor.empty()) {
        out.problems.fail(kRefValTypeNotSupported, "reference \"" + printable(component.name) + "\" names no anchor we know");
        continue;
      }
      if (!standing.has_index) out.problems.fail(kVerifyMeasurement, "reference \"" + printable(component.name) + "\" has no index");
      std::vector<Reference>& list = out.by_anchor[std::string(standing.anchor)];
      if (list.empty()) list.reserve(sbom->components.size());
      list.push_back({&component, standing.index, rules});
    }
  }
  return out;
}

}  // namespace attest::cmc
