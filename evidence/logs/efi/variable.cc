#include "evidence/logs/efi/variable.h"

#include "evidence/logs/efi/guid.h"
#include "evidence/logs/efi/text.h"

namespace attest::efi {
namespace {

constexpr std::size_t kMaxName = 1024;  // characters

// A list without data in its heads: SignatureType, SignatureListSize, SignatureHeaderSize, SignatureSize.
constexpr std::size_t kListHead = 28;

Status read_list(Reader& in, std::vector<SignatureList>& lists, std::size_t& total) {
  SignatureList list;
  list.type = guid_text(in.take(kGuidSize));
  std::uint32_t size = in.u32le();         // SignatureListSize
  std::uint32_t header_size = in.u32le();  // SignatureHeaderSize
  std::uint32_t entry_size = in.u32le();   // SignatureSize
  if (!in.good() || size < kListHead || entry_size < kGuidSize)
    return Error{Errc::malformed, "signature list: sizes out of bounds"};
  Reader body(in.take(size - kListHead));
  body.take(header_size);
  if (!in.good() || !body.good() || body.left() % entry_size != 0)
    return Error{Errc::malformed, "signature list: truncated or not whole entries"};
  total += body.left() / entry_size;
  if (total > kMaxSignatures) return Error{Errc::malformed, "signature list: more than 65536 entries"};
  while (body.more()) {
    std::string owner = guid_text(body.take(kGuidSize));
    list.entries.push_back({std::move(owner), body.take(entry_size - kGuidSize)});
  }
  lists.push_back(std::move(list));
  return ok();
}

}  // namespace

Result<UefiVariable> parse_uefi_variable(View event) {
  UefiVariable v;
  Reader in(event);
  v.guid = guid_text(in.take(kGuidSize));
  std::uint64_t name = in.u64le();  // UnicodeNameLength, in characters
  std::uint64_t size = in.u64le();  // VariableDataLength
  if (name > kMaxName || size > event.size()) in.fail();
  v.name = from_utf16(in.take(in.good() ? static_cast<std::size_t>(name) * 2 : 0));
  v.data = in.take(in.good() ? static_cast<std::size_t>(size) : 0);
  if (!in.good()) return Error{Errc::malformed, "uefi variable: truncated or out of bounds"};
  v.surplus = in.rest();
  return v;
}

Result<std::vector<SignatureList>> parse_signature_lists(View data) {
  std::vector<SignatureList> lists;
  std::size_t total = 0;
  Reader in(data);
  while (in.more()) CHECK_OK(read_list(in, lists, total));
  return lists;
}

View certificate_der(View data) {
  Reader in(data);
  if (in.u8() != 0x30 || in.u8() != 0x82) return {};  // SEQUENCE, two bytes of length
  std::size_t size = in.u16be();
  View content = in.take(size);
  if (!in.good() || content.empty() || content[0] != 0x30) return {};
  View surplus = in.rest();
  bool whole = surplus.empty() || (surplus.size() == 1 && surplus[0] == 0);
  return whole ? data.first(size + 4) : View{};
}

SignatureEntry parse_authority(View data) {
  if (data.size() < kGuidSize || is_certificate(data)) return {{}, data};
  return {guid_text(data.first(kGuidSize)), data.subspan(kGuidSize)};
}

Result<LoadOption> parse_load_option(View data) {
  LoadOption o;
  Reader in(data);
  o.attributes = in.u32le();
  std::uint16_t path_size = in.u16le();  // FilePathListLength
  Reader ahead = in;
  std::size_t units = 0;
  while (ahead.left() >= 2 && ahead.u16le() != 0) units++;
  o.description = from_utf16(in.take(units * 2));
  in.take(2);  // the NUL
  View path = in.take(path_size);
  if (!in.good()) return Error{Errc::malformed, "load option: truncated"};
  TRY(o.path, parse_device_path(path));
  o.optional_data = in.rest();
  return o;
}

}  // namespace attest::efi
