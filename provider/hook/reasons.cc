#include "provider/hook/reasons.h"

#include <algorithm>
#include <new>
#include <string>

namespace attest {
namespace {

constexpr std::size_t kMaxData = 1024;
constexpr std::string_view kGap = "... ";

// shortened keeps the beginning, which names the check, and a last bracket, which names the way to the
// details.
std::string shortened(std::string_view text, std::size_t room) {
  auto bracket = text.rfind('(');
  std::string_view tail = bracket == std::string_view::npos ? std::string_view() : text.substr(bracket);
  if (tail.size() > room / 3) tail = {};
  return std::string(text.substr(0, room - kGap.size() - tail.size())).append(kGap).append(tail);
}

}  // namespace

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
  if (text.size() < kText) return put(text, nullptr);
  try {
    put(shortened(text, kText - 1), std::string(text.substr(0, kMaxData)).c_str());
  } catch (const std::exception&) {
    put(text.substr(0, kText - 1), nullptr);
  }
}

void Reasons::put(std::string_view text, const char* data) noexcept {
  unsigned slot = next_.fetch_add(1, std::memory_order_relaxed) % kSlots;
  char* out = texts_[slot];
  std::size_t n = text.size();
  // A reader of the ring's oldest text may be printing it: bytes are stored one by one, and the last one
  // stays 0.
  for (std::size_t i = 0; i < kText; i++) {
    char c = i < n ? text[i] : '\0';
    if (i < n && static_cast<unsigned char>(c) < 0x20) c = ' ';
    std::atomic_ref<char>(out[i]).store(c, std::memory_order_relaxed);
  }
  ERR_new();
  ERR_set_debug("attest", 0, "");
  if (data == nullptr)
    ERR_set_error(library_, static_cast<int>(slot + 1), nullptr);
  else
    ERR_set_error(library_, static_cast<int>(slot + 1), "%s", data);
}

}  // namespace attest
