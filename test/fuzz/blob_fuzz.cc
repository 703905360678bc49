#include "evidence/cmc/blob.h"
#include "evidence/publish/spool.h"

// Items lie within the blob, in order; a batch that is read is written the same way again.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace attest;
  View blob(data, size);
  if (auto items = cmc::split_blob(blob)) {
    const std::uint8_t* at = data;
    for (View item : *items) {
      if (item.empty() || item.data() < at || item.data() + item.size() > data + size) __builtin_trap();
      at = item.data() + item.size();
    }
  }
  auto texts = publish::parse_batch(blob);
  if (texts && !publish::parse_batch(as_view(publish::encode_batch(*texts)))) __builtin_trap();
  return 0;
}
