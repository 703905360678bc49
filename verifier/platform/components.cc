#include "verifier/platform/checks.h"
#include "verifier/platform/platform.h"

namespace attest {
namespace {

std::string trimmed(std::string_view text) {
  std::size_t from = text.find_first_not_of(' '), until = text.find_last_not_of(' ');
  return from == text.npos ? std::string() : std::string(text.substr(from, until - from + 1));
}

// agree: where both sides say something, they say the same.
bool agree(std::string_view a, std::string_view b) {
  std::string left = trimmed(a), right = trimmed(b);
  return left.empty() || right.empty() || left == right;
}

bool same_class(const Component& a, const Component& b) {
  if (!agree(a.class_registry, b.class_registry)) return true;  // of different registries: not comparable
  return agree(a.class_value, b.class_value);
}

bool same_component(const Component& a, const Component& b) {
  return same_class(a, b) && trimmed(a.manufacturer) == trimmed(b.manufacturer) &&
         trimmed(a.model) == trimmed(b.model) && agree(a.serial, b.serial) && agree(a.revision, b.revision);
}

// same_place: a modified component keeps its class, manufacturer and model.
bool same_place(const Component& a, const Component& b) {
  return same_class(a, b) && trimmed(a.manufacturer) == trimmed(b.manufacturer) &&
         trimmed(a.model) == trimmed(b.model);
}

using Compare = bool (*)(const Component&, const Component&);
std::vector<Component>::iterator find(std::vector<Component>& list, const Component& wanted,
                                      Compare compare) {
  return std::ranges::find_if(list, [&](const Component& one) { return compare(one, wanted); });
}

// take_out removes the first of `list` that is `wanted`; false if there is none.
bool take_out(std::vector<Component>& list, const Component& wanted) {
  auto found = find(list, wanted, same_component);
  if (found == list.end()) return false;
  list.erase(found);
  return true;
}

std::string names_of(const std::vector<Component>& list) {
  std::string text;
  for (std::size_t i = 0; i < list.size() && i < 8; i++)
    text += (i == 0 ? "" : "; ") + component_text(list[i]);
  if (list.size() > 8) text += "; and " + std::to_string(list.size() - 8) + " more";
  return text;
}

}  // namespace

std::string component_text(const Component& component) {
  std::string text = component.class_value.empty() ? std::string() : component.class_value + " ";
  text += trimmed(component.manufacturer) + " / " + trimmed(component.model);
  if (!component.serial.empty()) text += " / " + trimmed(component.serial);
  return text;
}

Status apply_delta(const PlatformClaims& delta, std::vector<Component>& components) {
  for (const Component& change : delta.components) {
    Component plain = change;
    plain.status.reset();
    int status = change.status.value_or(0);
    if (status == 0) {
      if (!plain.serial.empty() && find(components, plain, same_component) != components.end())
        return Error{Errc::mismatch, "delta: adds what is there already: " + component_text(change)};
      components.push_back(std::move(plain));
      continue;
    }
    auto found = find(components, plain, status == 1 ? same_place : same_component);
    if (found == components.end())
      return Error{Errc::mismatch, "delta: changes or removes what is not there: " + component_text(change)};
    if (status == 1)
      *found = std::move(plain);
    else
      components.erase(found);
  }
  return ok();
}

void judge_components(const std::vector<Component>& listed, const Inventory& inventory, bool extra_allowed,
                      Findings& out) {
  std::vector<Component> present = inventory.components, missing;
  for (const Component& component : listed)
    if (!take_out(present, component)) missing.push_back(component);
  if (!missing.empty())
    return out.fail(platform_check::kComponents,
                    std::to_string(missing.size()) + " listed components are not in the machine",
                    names_of(missing), names_of(present));
  if (present.empty())
    return out.pass(platform_check::kComponents, std::to_string(listed.size()) + " components");
  std::string why = "the machine holds " + std::to_string(present.size()) + " components that are not listed";
  extra_allowed ? out.warn(platform_check::kComponents, why, {}, names_of(present))
                : out.fail(platform_check::kComponents, why, {}, names_of(present));
}

void judge_identity(const PlatformClaims& claims, const Inventory& inventory, Findings& out) {
  std::string expected =
      claims.manufacturer + " / " + claims.model + " / " + claims.version + " / " + claims.serial;
  std::string measured =
      inventory.manufacturer + " / " + inventory.model + " / " + inventory.version + " / " + inventory.serial;
  bool same = trimmed(claims.manufacturer) == trimmed(inventory.manufacturer) &&
              trimmed(claims.model) == trimmed(inventory.model) && agree(claims.version, inventory.version) &&
              agree(claims.serial, inventory.serial);
  same ? out.pass(platform_check::kIdentity, measured)
       : out.fail(platform_check::kIdentity, "the certificate is for another machine", expected, measured);
}

}  // namespace attest
