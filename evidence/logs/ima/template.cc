#include "evidence/logs/ima/template.h"

#include "evidence/core/printable.h"
#include "evidence/logs/ima_list.h"

namespace attest::ima {
namespace {

struct Template {
  std::string_view name, format;
};
constexpr Template kTemplates[] = {
    {"ima", "d|n"},
    {"ima-ng", "d-ng|n-ng"},
    {"ima-ngv2", "d-ngv2|n-ng"},
    {"ima-sig", "d-ng|n-ng|sig"},
    {"ima-sigv2", "d-ngv2|n-ng|sig"},
    {"ima-buf", "d-ng|n-ng|buf"},
    {"ima-modsig", "d-ng|n-ng|sig|d-modsig|modsig"},
    {"evm-sig", "d-ng|n-ng|evmsig|xattrnames|xattrlengths|xattrvalues|iuid|igid|imode"},
};

constexpr Field kFields[] = {
    {"d", FieldKind::digest},         {"n", FieldKind::name},        {"d-ng", FieldKind::digest},
    {"d-ngv2", FieldKind::digest},    {"n-ng", FieldKind::name},     {"sig", FieldKind::bytes},
    {"buf", FieldKind::bytes},        {"d-modsig", FieldKind::digest}, {"modsig", FieldKind::bytes},
    {"evmsig", FieldKind::bytes},     {"iuid", FieldKind::number},   {"igid", FieldKind::number},
    {"imode", FieldKind::number},     {"xattrnames", FieldKind::name}, {"xattrlengths", FieldKind::bytes},
    {"xattrvalues", FieldKind::bytes},
};

const Field* find_field(std::string_view id) {
  for (const Field& field : kFields)
    if (field.id == id) return &field;
  return nullptr;
}

}  // namespace

Result<std::vector<Field>> template_fields(std::string_view name) {
  std::string_view format = name;
  for (const Template& known : kTemplates)
    if (known.name == name) format = known.format;
  std::vector<Field> fields;
  while (true) {
    std::size_t bar = std::min(format.find('|'), format.size());
    const Field* field = find_field(format.substr(0, bar));
    if (field == nullptr || fields.size() == kMaxFields)
      return Error{Errc::malformed, "ima template \"" + printable(name, 60) + "\": unknown"};
    fields.push_back(*field);
    if (bar == format.size()) return fields;
    format.remove_prefix(bar + 1);
  }
}

View field_of(std::string_view template_name, View data, std::string_view id) {
  auto fields = template_fields(template_name);
  if (!fields) return {};
  auto values = ima_fields(template_name, data);
  if (!values) return {};
  for (std::size_t i = 0; i < fields->size() && i < values->size(); i++)
    if ((*fields)[i].id == id) return (*values)[i];
  return {};
}

}  // namespace attest::ima
