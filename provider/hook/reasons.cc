#include "provider/hook/reasons.h"

#include <algorithm>
#include <new>

namespace attest {

Reasons* Reasons::make() noexcept {
  auto* made = new (std::nothrow) Reasons;
  if (made == nullptr) return nullptr;
  made->library_ = ERR_get_next_error_library();
  for (unsigned i = 0; i < kSlots; i++) made->rows_[i] = {ERR_PACK(0, 0, i + 1), made->texts_[i]};
  made->library_name_[0] = {ERR_PACK(made->library_, 0, 0), "attest"};
  ERR_load_strings(made->library_, made->rows_);
  ERR_load_strings(made->library_, made->library_name_);
  return made;
}

void Reasons::raise(std::string_view text) noexcept {
  unsigned slot = next_.fetch_add(1, std::memory_order_relaxed) % kSlots;
  char* out = texts_[slot];
  std::size_t n = std::min(text.size(), kText - 1);
  // A reader of the ring's oldest text may be printing it: bytes are stored one by one, and the last one
  // stays 0.
  for (std::size_t i = 0; i < kText; i++) {
    char c = i < n ? text[i] : '\0';
    if (i < n && static_cast<unsigned char>(c) < 0x20) c = ' ';
    std::atomic_ref<char>(out[i]).store(c, std::memory_order_relaxed);
  }
  ERR_new();
  ERR_set_debug("attest", 0, "");
  ERR_set_error(library_, static_cast<int>(slot + 1), nullptr);
}

}  // namespace attest
