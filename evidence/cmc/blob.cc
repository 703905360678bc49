#include "evidence/cmc/blob.h"

#include <algorithm>

#include "evidence/cmc/codec.h"

namespace attest::cmc {
namespace {

// first_item is the item that rest begins with; empty if it is none.
View first_item(View rest) {
  if (rest[0] == '{') {
    JsonReader in(as_text(rest));
    return as_view(in.raw());
  }
  unsigned major = rest[0] >> 5;
  if (major != 5 && major != 6) return {};
  CborSource in(rest, false);
  return in.raw();
}

bool padding(View rest) {
  return std::ranges::all_of(rest, [](std::uint8_t byte) { return byte == 0; });
}

}  // namespace

Result<std::vector<View>> split_blob(View blob) {
  if (blob.size() > kMaxBlobBytes) return Error{Errc::malformed, "blob: more than 64 MiB"};
  std::vector<View> out;
  for (;;) {
    while (!blob.empty() && (blob[0] == ' ' || blob[0] == '\n' || blob[0] == '\r' || blob[0] == '\t')) blob = blob.subspan(1);
    if (blob.empty() || (blob[0] == 0 && padding(blob))) return out;
    View item = first_item(blob);
    if (item.empty()) return Error{Errc::malformed, "blob: item " + std::to_string(out.size() + 1) + " is neither JSON nor CBOR"};
    if (out.size() == kMaxBlobItems) return Error{Errc::malformed, "blob: more than 1024 items"};
    out.push_back(item);
    blob = blob.subspan(item.size());
  }
}

}  // namespace attest::cmc
