#include "verifier/identity.h"

#include <algorithm>

#include "evidence/core/printable.h"
#include "verifier/appraisers.h"

namespace attest {
namespace {

bool contains(const auto& list, const auto& value) { return std::ranges::find(list, value) != list.end(); }

bool present(const Case& c, AnchorKind kind) { return std::ranges::find(c.context.anchors, kind, &AnchorIdentity::kind) != c.context.anchors.end(); }

// present_in_azure: the processor's report is inside an Azure anchor; measure_azure compares it with these references.
bool present_in_azure(const Case& c, AnchorKind kind) {
  return (kind == AnchorKind::snp || kind == AnchorKind::tdx) && present(c, AnchorKind::azure);
}

std::string quoted(std::string_view text) { return "\"" + printable(text) + "\""; }

}  // namespace

// Evidence proves an accepted machine, not this one. A client knows its server by name; that name is proven by a pinned key
// or by the certificate. Who connects to a server has no name but an address, and rules for clients say what they may be.
void check_identified(const Case& c, Verdict& verdict) {
  bool handshake = !c.question.binder.empty();
  if (!c.rule.ak_names.empty() || c.question.x509_ok || c.question.prover == Role::client)
    return verdict.pass(check::kPeerNotIdentified);
  std::string why = "rule " + quoted(c.rule.name) + " pins no AK and the certificate's name was not checked";
  constexpr const char* kRemedy = "list the machine's AK under ak_names, or set attest-x509-name-checked = yes where the program checks names";
  if (c.rule.name == "*" || !handshake)
    return verdict.warn(check::kPeerAnyMachine, why + ": any machine of an allowed image passes", kRemedy);
  verdict.fail(check::kPeerNotIdentified, why + ": any machine of an allowed image could answer as " + quoted(c.question.peer), kRemedy);
}

bool anchor_allowed(const Case& c, AnchorKind kind) {
  return contains(c.rule.allowed_anchors, kind) && find_appraiser(kind) != nullptr;
}

void check_anchors_allowed(const Case& c, Verdict& verdict) {
  for (const AnchorIdentity& anchor : c.context.anchors) {
    if (anchor_allowed(c, anchor.kind)) continue;
    verdict.fail(check::kAnchorNotAllowed, "the evidence comes from " + quoted(anchor_name(anchor.kind)) + ", which rule " + quoted(c.rule.name) + " does not allow",
                 "name it under allowed_anchors only if you mean it");
  }
}

void check_anchors_required(const Case& c, Verdict& verdict) {
  for (AnchorKind kind : c.rule.required_anchors)
    if (!present(c, kind))
      verdict.fail(check::kAnchorMissing, "rule " + quoted(c.rule.name) + " demands evidence of " + quoted(anchor_name(kind)) + ", none came",
                   "attestctl status on the peer says why");
}

void check_anchors_of_metadata(const Case& c, const ClaimedMetadata& metadata, Verdict& verdict) {
  for (AnchorKind kind : required_by_metadata(metadata))
    if (!present(c, kind) && !present_in_azure(c, kind) && !contains(c.rule.required_anchors, kind))
      verdict.fail(check::kAnchorMissing, std::string("the manifests have reference values for ") + anchor_name(kind) + ", no such evidence came",
                   "attestctl status on the peer says why");
  bool hardware = std::ranges::any_of(c.context.anchors, [](const AnchorIdentity& a) { return a.kind != AnchorKind::sw; });
  if (!hardware && needs_hardware(metadata))
    verdict.fail(check::kAnchorMissing, "the manifests claim a certification level above 1, which software alone cannot carry");
}

void check_claims(const Case& c, const ClaimedMetadata& metadata, Verdict& verdict) {
  const std::string& image = metadata.layers.image->metadata->name;
  if (c.rule.image_descriptions.empty() || contains(c.rule.image_descriptions, image))
    verdict.pass(check::kPeerImage);
  else
    verdict.fail(check::kPeerImage, "the peer runs image " + quoted(image) + ", which rule " + quoted(c.rule.name) + " does not allow",
                 "add it to image_descriptions of the rule if this peer may run it");
  if (c.rule.services.empty() || contains(c.rule.services, c.context.service)) return verdict.pass(check::kPeerService);
  if (c.question.binder.empty() && c.context.service.empty())
    return verdict.warn(check::kPeerService, "a report outside a handshake names no service");
  verdict.fail(check::kPeerService, "service " + quoted(c.context.service) + " of the peer's machine asked for this evidence, rule " + quoted(c.rule.name) + " does not allow it",
               "add the label to services of the rule only if that service may speak under this name");
}

}  // namespace attest
