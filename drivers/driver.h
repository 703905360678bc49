// driver.h: what the daemon asks of a source of evidence. One row per driver in table.cc.
#pragma once
#include <functional>
#include <memory>
#include <optional>

#include "evidence/core/secret.h"
#include "evidence/logs/measured_log.h"
#include "evidence/native/message.h"

namespace attest {

// Driver fetches evidence from one device. All calls come from the one thread that owns it; none is re-entrant.
class Driver {
 public:
  virtual ~Driver() = default;
  virtual AnchorKind kind() const = 0;
  // identity and pcrs are fixed while the driver lives; they enter the report context before the quote.
  virtual AnchorIdentity identity() const = 0;
  virtual std::optional<PcrSelection> pcrs() const = 0;
  // quote signs qualifying (32 bytes). The anchor's logs are left empty. Survives a TPM reset by opening the device
  // again once; io when the device does not answer, denied when it is locked out (the text says until when).
  virtual Result<Anchor> quote(const Digest& qualifying) = 0;
  // log reads the measurement logs, after the quote, and matches the prefix the quote covers; nullptr for drivers
  // without logs. The pointer is valid until the next call.
  virtual Result<const MeasuredLog*> log(const Anchor& quoted) = 0;
};

// KeyInfo describes a key whose private half stays with the daemon or the TPM.
struct KeyInfo {
  std::string name;         // [a-z0-9._-]{1,64}
  std::string algorithm;    // "ec-p256", "ec-p384", "rsa-2048", "rsa-3072"
  Bytes spki_der;
  bool in_tpm = false;
};

// KeyStore keeps the TLS keys of one kind (files, TPM). Called from the owning thread alone.
class KeyStore {
 public:
  virtual ~KeyStore() = default;
  virtual Result<KeyInfo> create(std::string_view name, std::string_view algorithm) = 0;
  virtual std::vector<KeyInfo> list() const = 0;
  virtual std::optional<KeyInfo> find(std::string_view name) const = 0;
  // sign makes the signature of a TLS 1.3 SignatureScheme (0x0403, 0x0503, 0x0804, 0x0805) over content.
  virtual Result<Bytes> sign(std::string_view name, std::uint16_t scheme, View content) = 0;
  virtual Status remove(std::string_view name) = 0;
};

}  // namespace attest
