// marshal.h: TPM structures as bytes and back, exact to the last byte.
#pragma once
#include <tss2/tss2_mu.h>

#include "evidence/core/bytes.h"

namespace attest {

// marshalled gives the wire form of a TPM structure; malformed if libtss2 finds it inconsistent.
template <class T>
Result<Bytes> marshalled(const T& value,
                         TSS2_RC (*marshal)(const T*, std::uint8_t*, std::size_t, std::size_t*)) {
  Bytes out(sizeof(T) + 64);
  std::size_t used = 0;
  if (marshal(&value, out.data(), out.size(), &used) != TSS2_RC_SUCCESS)
    return Error{Errc::malformed, "tpm: structure cannot be marshalled"};
  out.resize(used);
  return out;
}

// unmarshalled reads a structure that fills `bytes` exactly; malformed otherwise.
template <class T>
Result<T> unmarshalled(View bytes, TSS2_RC (*unmarshal)(const std::uint8_t*, std::size_t, std::size_t*, T*),
                       std::string_view what) {
  T value{};
  std::size_t used = 0;
  if (unmarshal(bytes.data(), bytes.size(), &used, &value) != TSS2_RC_SUCCESS || used != bytes.size())
    return Error{Errc::malformed, std::string(what) + ": not exactly one TPM structure"};
  return value;
}

// sized fills a TPM2B with bytes; malformed if they do not fit.
template <class T>
Result<T> sized(View bytes, std::string_view what) {
  T out{};
  auto& first = out.size;
  constexpr std::size_t room = sizeof(T) - sizeof(first);
  if (bytes.size() > room) return Error{Errc::malformed, std::string(what) + ": too long"};
  first = static_cast<std::uint16_t>(bytes.size());
  std::ranges::copy(bytes, reinterpret_cast<std::uint8_t*>(&out) + sizeof(first));
  return out;
}

}  // namespace attest
