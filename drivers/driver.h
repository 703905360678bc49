// driver.h: what the daemon asks of a source of evidence. One row per driver in table.cc.
#pragma once
#include <functional>
#include <memory>
#include <optional>

#include "evidence/core/secret.h"
#include "evidence/logs/measured_log.h"
#include "evidence/native/message.h"
#include "evidence/tpm/attest.h"

namespace attest {

// Finisher: see Driver::finisher.
using Finisher = std::function<Result<Anchor>(Anchor)>;

// Driver fetches evidence from one device. All calls come from the one thread that owns it; none is
// re-entrant.
class Driver {
 public:
  virtual ~Driver() = default;
  virtual AnchorKind kind() const = 0;
  // identity and pcrs enter the report context before the quote. pcrs are fixed while the driver lives; the
  // identity changes when an enroller has put a new attestation key in place.
  virtual AnchorIdentity identity() const = 0;
  virtual std::optional<PcrSelection> pcrs() const = 0;
  // algorithm names the attestation key's: "ec-p256", "ec-p384", "rsa-2048", "rsa-3072".
  virtual std::string algorithm() const = 0;
  // quote signs qualifying (32 bytes). The anchor's logs, its startup locality and, for drivers with logs,
  // its pcr_values are left empty: they come from log(). Survives a TPM reset by opening the device again
  // once; io when the device does not answer, denied when it is locked out (the text says until when).
  virtual Result<Anchor> quote(const Digest& qualifying) = 0;
  // fresh_quote is the same for CMC's reports, whose nonce stands in every evidence: claims that quote() hands out as they are
  // (Azure) are made anew over it.
  virtual Result<Anchor> fresh_quote(const Digest& qualifying) { return quote(qualifying); }
  // finisher completes what fresh_quote handed out where somebody else than the device has to be asked for a part of it, which
  // may take seconds. Called with that anchor, from any thread, also after the driver is gone. Empty: nothing is missing.
  virtual Finisher finisher() const { return {}; }
  // log reads the measurement logs, after the quote, and matches the prefix the quote covers; nullptr for
  // drivers without logs. The pointer is valid until the next call. mismatch names the PCR that the logs do
  // not explain.
  virtual Result<const MeasuredLog*> log(const Anchor& quoted) = 0;
  // clock is what the device says of its resets now; nullopt for devices that have none. Like quote it may open the device
  // again, so it fails only where quote would.
  virtual Result<std::optional<ClockInfo>> clock() { return std::optional<ClockInfo>(); }
  // notice is what an administrator should know of the device's attestation key now, with the remedy; "" for nothing.
  virtual std::string notice() const { return {}; }
  // raw_log is one measurement log as the kernel hands it out, all banks; unsupported for drivers without it.
  virtual Result<Bytes> raw_log(LogKind kind) = 0;
};

// EnrollRequest is what an issuer of attestation keys needs to see.
struct EnrollRequest {
  Bytes ak_public;  // TPMT_PUBLIC
  Bytes ak_name;    // nameAlg || digest
  Bytes ek_public;  // TPMT_PUBLIC of the endorsement key that activate() will use
  std::vector<Bytes>
      ek_certs;  // DER; the certificate of that key first, then what else the TPM's NV holds; may be empty
};

// CreationProof is what a provisioning server of CMC's wants to see of an attestation key: this TPM made it.
struct CreationProof {
  EnrollRequest key;         // of the key that shall follow the present one
  std::string manufacturer;  // of the TPM, as TCG's registry has it ("Infineon"); one it does not have by its four letters
  std::uint16_t firmware_major = 0, firmware_minor = 0;
  Bytes data;       // TPMS_CREATION_DATA
  Bytes statement;  // TPMS_ATTEST of TPM2_CertifyCreation, by the key about itself
  Bytes signature;  // TPMT_SIGNATURE of it
};

// Enroller proves to an issuer that the attestation key sits beside an endorsement key. Owning thread alone.
class Enroller {
 public:
  virtual ~Enroller() = default;
  // request tells of the attestation key; new_ak: of the one that shall follow it, made now or waiting already.
  virtual Result<EnrollRequest> request(bool new_ak = false) = 0;
  // activate opens a credential (TPM2B_ID_OBJECT, TPM2B_ENCRYPTED_SECRET) for the present key or the one that
  // waits; denied when it is for another AK or EK.
  virtual Result<Secret> activate(View credential_blob, View secret) = 0;
  // store_chain keeps the AK's certificates (PEM, AK certificate first, at most kMaxCerts) and hands them out
  // with the next quote; mismatch when the first is not for this AK. Certificates of the key that waits make it
  // the attestation key at once: the old one is destroyed, quotes and certifications are the new one's.
  virtual Status store_chain(std::string_view pem) = 0;
  // prove_creation tells of the key that shall follow the present one, made now or waiting already, with the TPM's statement
  // of how it was made. unsupported where keys are not made here.
  virtual Result<CreationProof> prove_creation();
  // sign_request has the key that waits sign a certificate request (its part to be signed, at most 1,024 bytes): ECDSA in
  // DER, RSA as it is. The TPM hashes it itself and refuses what begins as its own statements do. mismatch if none waits.
  virtual Result<Bytes> sign_request(View content);
};

inline Result<CreationProof> Enroller::prove_creation() {
  return Error{Errc::unsupported, "key: this device does not tell how its attestation key was made"};
}
inline Result<Bytes> Enroller::sign_request(View) {
  return Error{Errc::unsupported, "key: the attestation key of this device signs no certificate requests"};
}

// KeyInfo describes a key whose private half stays with the daemon or the TPM.
struct KeyInfo {
  std::string name;       // valid_key_name of evidence/native/key_reference.h
  std::string algorithm;  // "ec-p256", "ec-p384", "rsa-2048", "rsa-3072"
  Bytes spki_der;
  bool in_tpm = false;
  std::string unfit{};    // why no verifier would accept its certification; "" for a fit key, and outside a TPM
};

// DigestScheme says how a digest that somebody else computed is signed. RSA: PKCS#1 v1.5, or PSS with a salt as long as
// the hash; ECDSA otherwise.
struct DigestScheme {
  HashAlg hash = HashAlg::sha256;
  bool pss = false;
};

// KeyStore keeps the TLS keys of one kind (files, TPM). Called from the owning thread alone.
class KeyStore {
 public:
  virtual ~KeyStore() = default;
  virtual Result<KeyInfo> create(std::string_view name, std::string_view algorithm) = 0;
  virtual std::vector<KeyInfo> list() const = 0;
  virtual std::optional<KeyInfo> find(std::string_view name) const = 0;
  // sign makes the signature of a TLS 1.3 SignatureScheme (0x0403, 0x0503, 0x0804, 0x0805, 0x0806) over content.
  virtual Result<Bytes> sign(std::string_view name, std::uint16_t scheme, View content) = 0;
  // sign_digest signs a digest of the scheme's length: for keys that CMC's API made, never for those of handshakes, which
  // sign what they are shown whole. unsupported for stores outside a TPM.
  virtual Result<Bytes> sign_digest(std::string_view name, const DigestScheme& scheme, View digest);
  virtual Status remove(std::string_view name) = 0;
  // renew makes a new key of the same algorithm under `name`; the old one serves on as replaced_key_name()
  // until it is removed. denied while kMaxReplaced of them are still there.
  virtual Result<KeyInfo> renew(std::string_view name) = 0;
  // certify gives the attestation key's statement about a key (tpm/certified_key.h): made once and kept. denied
  // for a key whose attributes no verifier accepts, unsupported for keys outside a TPM.
  virtual Result<CertifiedKey> certify(std::string_view name);
  // borrow takes a key that its owner keeps in a file (DER of a TSS2 key file) and returns it under a name that
  // no key of the store has; it is forgotten after many others. unsupported for stores outside a TPM.
  virtual Result<KeyInfo> borrow(View key_file);
};

inline Result<CertifiedKey> KeyStore::certify(std::string_view) {
  return Error{Errc::unsupported, "key: only keys in the TPM are certified"};
}
inline Result<Bytes> KeyStore::sign_digest(std::string_view, const DigestScheme&, View) {
  return Error{Errc::unsupported, "key: only a TPM's keys sign digests"};
}
inline Result<KeyInfo> KeyStore::borrow(View) {
  return Error{Errc::unsupported, "key: only a TPM opens TSS2 key files"};
}

}  // namespace attest
