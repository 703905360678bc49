// Variables of the firmware as they will be measured after an update.
#include <algorithm>

#include "evidence/logs/efi/variable.h"
#include "verifier/logs/predict_parts.h"

namespace attest {
namespace {

constexpr std::size_t kListHead = 28;      // GUID, three sizes
constexpr std::size_t kTimeBytes = 16;     // EFI_TIME in front of an authenticated update
constexpr std::size_t kEfivarfsBytes = 4;  // attributes
constexpr std::uint16_t kGuidCertificate = 0x0ef1;

// A signature list as it lies in the variable.
struct RawList {
  View type, head;  // GUID; what stands between the sizes and the entries
  std::uint32_t entry_size = 0;
  std::vector<View> entries;
};

Result<std::vector<RawList>> raw_lists(View data) {
  CHECK_OK(efi::parse_signature_lists(data));  // every bound is checked there
  std::vector<RawList> out;
  Reader in(data);
  while (in.more()) {
    RawList list;
    list.type = in.take(16);
    std::uint32_t size = in.u32le(), head = in.u32le();
    list.entry_size = in.u32le();
    list.head = in.take(head);
    if (!in.good() || list.entry_size == 0 || size < kListHead + head)
      return Error{Errc::malformed, "signature list: sizes do not fit"};
    Reader entries(in.take(size - kListHead - head));
    while (entries.more()) list.entries.push_back(entries.take(list.entry_size));
    if (!entries.good()) return Error{Errc::malformed, "signature list: truncated"};
    out.push_back(std::move(list));
  }
  if (!in.good()) return Error{Errc::malformed, "signature list: truncated"};
  return out;
}

bool holds(const std::vector<RawList>& lists, const RawList& like, View entry) {
  return std::ranges::any_of(lists, [&](const RawList& list) {
    return equal(list.type, like.type) && list.entry_size == like.entry_size &&
           std::ranges::any_of(list.entries, [&](View known) { return equal(known, entry); });
  });
}

// appended is what the firmware makes of an update: the old lists, then the new ones without what was there.
Result<Bytes> appended(View old, View update) {
  TRY(std::vector<RawList> before, raw_lists(old));
  TRY(std::vector<RawList> more, raw_lists(update));
  Writer out;
  out.put(old);
  for (const RawList& list : more) {
    std::vector<View> fresh;
    for (View entry : list.entries)
      if (!holds(before, list, entry)) fresh.push_back(entry);
    if (fresh.empty()) continue;
    out.put(list.type);
    out.u32le(static_cast<std::uint32_t>(kListHead + list.head.size() + fresh.size() * list.entry_size));
    out.u32le(static_cast<std::uint32_t>(list.head.size()));
    out.u32le(list.entry_size);
    out.put(list.head);
    for (View entry : fresh) out.put(entry);
  }
  return std::move(out).finish("variable");
}

// without_authentication takes EFI_VARIABLE_AUTHENTICATION_2 away; empty where the file has none.
View without_authentication(View file) {
  Reader in(file);
  in.take(kTimeBytes);
  std::uint32_t size = in.u32le();
  in.u16le();
  std::uint16_t type = in.u16le();
  if (!in.good() || type != kGuidCertificate || size > file.size() - kTimeBytes) return {};
  return file.subspan(kTimeBytes + size);
}

bool has_lists(View data) {
  auto lists = efi::parse_signature_lists(data);
  return lists && !lists->empty();
}

}  // namespace

Result<View> signature_update(View file) {
  if (has_lists(file)) return file;
  if (View update = without_authentication(file); has_lists(update)) return update;
  if (file.size() > kEfivarfsBytes && has_lists(file.subspan(kEfivarfsBytes))) return file.subspan(kEfivarfsBytes);
  return Error{Errc::malformed, "no signature lists: an EFI signature list, an authenticated update, or a file of efivarfs is needed"};
}

Result<std::optional<Bytes>> changed_variable(const TcgEvent& event, const BootVariable& change) {
  auto variable = efi::parse_uefi_variable(event.data);
  if (!variable || variable->name != change.name) return std::optional<Bytes>();
  Bytes content = to_bytes(change.content);
  if (change.append) {
    TRY(content, appended(variable->data, change.content));
  }
  constexpr std::size_t kGuid = 16, kSizes = 16;
  std::size_t name_bytes = event.data.size() - kGuid - kSizes - variable->data.size() - variable->surplus.size();
  Writer out;
  out.put(event.data.first(kGuid + 8));
  out.u64le(content.size());
  out.put(event.data.subspan(kGuid + kSizes, name_bytes));
  out.put(content);
  TRY(Bytes bytes, std::move(out).finish("variable"));
  return std::optional(std::move(bytes));
}

}  // namespace attest
