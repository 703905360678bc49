#include <string_view>

#include "evidence/core/hex.h"
#include "provider/hook/callbacks.h"

namespace attest {
namespace {

constexpr std::string_view kServerSecret = "SERVER_HANDSHAKE_TRAFFIC_SECRET ";
constexpr std::string_view kHandshakeOver = "CLIENT_TRAFFIC_SECRET_0 ";

// A Secret of hex digits; empty if they are none. The digits are OpenSSL's, the intermediate copies are ours
// to wipe.
Secret secret_from_hex(std::string_view digits) {
  auto value = [](char c) { return c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10; };
  Secret secret(digits.size() / 2);
  for (std::size_t i = 0; i < secret.fill().size(); i++) {
    int high = value(digits[2 * i]), low = value(digits[2 * i + 1]);
    if (high < 0 || high > 15 || low < 0 || low > 15) return {};
    secret.fill()[i] = static_cast<std::uint8_t>(high << 4 | low);
  }
  return secret;
}

// take_secret keeps the tag, never the secret. The line carries the client random of its handshake: a line of
// another one is not ours.
void take_secret(const Call& call, std::string_view line) {
  std::array<std::uint8_t, 32> random{};
  SSL_get_client_random(call.ssl, random.data(), random.size());
  line.remove_prefix(kServerSecret.size());
  auto blank = line.find(' ');
  if (blank == std::string_view::npos || line.substr(0, blank) != to_hex(random)) return;
  Secret secret = secret_from_hex(line.substr(blank + 1));
  HashAlg hash = secret.reveal().size() == 48 ? HashAlg::sha384 : HashAlg::sha256;
  if (auto tag = server_secret_tag(secret, hash))
    call.now().server_tag = *tag;
  else
    call.log(1, tag.error().what);
}

void note(const Call& call, std::string_view line) noexcept {
  try {
    if (line.starts_with(kServerSecret)) take_secret(call, line);
    if (line.starts_with(kHandshakeOver) && call.server) end_handshake(call);
  } catch (const std::exception&) {
    call.now().server_tag.reset();  // without a tag no evidence is made and none is believed
  }
}

}  // namespace

void keylog_callback(const SSL* ssl, const char* line) noexcept {
  auto call = call_of(ssl);
  if (!call || call->state.in_keylog) return;
  note(*call, line);
  CtxState* ctx = state_of(call->hook, SSL_get_SSL_CTX(ssl));
  SSL_CTX_keylog_cb_func program = ctx == nullptr ? nullptr : ctx->program_keylog.load();
  if (program == nullptr) return;
  call->state.in_keylog = true;
  program(ssl, line);
  call->state.in_keylog = false;
}

void keep_keylog(Hook& hook, SSL_CTX* ctx) noexcept {
  CtxState* state = state_of(hook, ctx);
  SSL_CTX_keylog_cb_func current = SSL_CTX_get_keylog_callback(ctx);
  if (state == nullptr || current == keylog_callback) return;
  state->program_keylog = current;
  SSL_CTX_set_keylog_callback(ctx, keylog_callback);
}

}  // namespace attest
