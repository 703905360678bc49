#include "evidence/native/certificate_verify.h"

namespace attest {
namespace {

constexpr std::string_view kServer = "TLS 1.3, server CertificateVerify";
constexpr std::string_view kClient = "TLS 1.3, client CertificateVerify";
static_assert(kServer.size() == kClient.size());

}  // namespace

std::optional<Role> certificate_verify_signer(View content) {
  Reader in(content);
  bool spaces = std::ranges::all_of(in.take(64), [](std::uint8_t b) { return b == 0x20; });
  std::string_view context = as_text(in.take(kServer.size()));
  in.zeros(1);
  std::size_t hash = in.rest().size();
  if (!in.good() || !spaces || (hash != 32 && hash != 48)) return std::nullopt;
  if (context == kServer) return Role::server;
  if (context == kClient) return Role::client;
  return std::nullopt;
}

}  // namespace attest
