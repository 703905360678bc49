// checks.h: the stable names of everything that can be refused. Each has a page docs/refusals/<name>.md.
#pragma once
#include <span>
#include <string_view>

namespace attest {

namespace check {
// who the peer is
inline constexpr std::string_view kPeerSilent = "peer.silent";
inline constexpr std::string_view kPeerRefused = "peer.refused";
inline constexpr std::string_view kPeerVersion = "peer.version";
inline constexpr std::string_view kPeerQuic = "peer.quic";
inline constexpr std::string_view kPeerResumed = "peer.resumed";
inline constexpr std::string_view kPeerNoCertificate = "peer.no-certificate";
inline constexpr std::string_view kPeerUnjudged = "peer.unjudged";
inline constexpr std::string_view kPeerBadRequest = "peer.bad-request";
inline constexpr std::string_view kPeerBadReply = "peer.bad-reply";
inline constexpr std::string_view kPeerChangedRequest = "peer.changed-request";
inline constexpr std::string_view kPeerTooMuch = "peer.too-much";
inline constexpr std::string_view kPeerUnknown = "peer.unknown";
inline constexpr std::string_view kPeerNotIdentified = "peer.not-identified";
inline constexpr std::string_view kPeerAnyMachine = "peer.any-machine";
inline constexpr std::string_view kPeerImage = "peer.image-not-allowed";
inline constexpr std::string_view kPeerService = "peer.service-not-allowed";
// the message
inline constexpr std::string_view kEvidenceMalformed = "evidence.malformed";
inline constexpr std::string_view kEvidenceTooLarge = "evidence.too-large";
inline constexpr std::string_view kEvidenceInconsistent = "evidence.inconsistent";
inline constexpr std::string_view kEvidenceUnsupported = "evidence.unsupported";
inline constexpr std::string_view kEvidenceRole = "evidence.wrong-role";
// the attestation key and its quote
inline constexpr std::string_view kAkUntrusted = "ak.untrusted";
inline constexpr std::string_view kAkDenied = "ak.denied";
inline constexpr std::string_view kAkAttributes = "ak.attributes";
inline constexpr std::string_view kQuoteSignature = "quote.signature";
inline constexpr std::string_view kQuoteType = "quote.type";
inline constexpr std::string_view kQuoteNotFresh = "quote.not-fresh";
inline constexpr std::string_view kQuoteSelection = "quote.pcr-selection";
// the TLS key, where its TPM certifies it
inline constexpr std::string_view kKeyUncertified = "key.uncertified";
inline constexpr std::string_view kKeyOther = "key.other";
inline constexpr std::string_view kKeyAttributes = "key.attributes";
inline constexpr std::string_view kKeyCertification = "key.certification";
// how old the evidence is
inline constexpr std::string_view kFreshnessMode = "freshness.mode";
inline constexpr std::string_view kFreshnessKeyUnknown = "freshness.key-unknown";
inline constexpr std::string_view kFreshnessKeyExpired = "freshness.key-expired";
inline constexpr std::string_view kFreshnessKeySignature = "freshness.key-signature";
inline constexpr std::string_view kEpochSignature = "epoch.signature";
inline constexpr std::string_view kEpochFuture = "epoch.future";
inline constexpr std::string_view kEpochTooOld = "epoch.too-old";
inline constexpr std::string_view kEpochOrder = "epoch.order";
inline constexpr std::string_view kEpochClock = "epoch.clock";
// the logs
inline constexpr std::string_view kLogTooLong = "log.too-long";
inline constexpr std::string_view kLogMalformed = "log.malformed";
inline constexpr std::string_view kPcrStartValue = "pcr.start-value";
inline constexpr std::string_view kPcrReplay = "pcr.replay-mismatch";
inline constexpr std::string_view kPcrUnexpected = "pcr.unexpected-event";
inline constexpr std::string_view kPcrMissing = "pcr.missing-event";
inline constexpr std::string_view kPcrOrder = "pcr.order";
inline constexpr std::string_view kImaUnexpected = "ima.unexpected-file";
inline constexpr std::string_view kImaMissing = "ima.missing-log";
// signed metadata
inline constexpr std::string_view kMetadataMissing = "metadata.missing";
inline constexpr std::string_view kMetadataExpired = "metadata.expired";
inline constexpr std::string_view kMetadataUntrusted = "metadata.untrusted";
inline constexpr std::string_view kMetadataRollback = "metadata.rollback";
inline constexpr std::string_view kMetadataImage = "metadata.image-description";
inline constexpr std::string_view kMetadataLayers = "metadata.layers";
// the signed list of what is current
inline constexpr std::string_view kSetUnlisted = "set-list.unlisted";
inline constexpr std::string_view kSetExpired = "set-list.expired";
inline constexpr std::string_view kSetMissing = "set-list.missing";
inline constexpr std::string_view kSetRollback = "set-list.rollback";
inline constexpr std::string_view kSetMemory = "set-list.memory";
// anchors
inline constexpr std::string_view kAnchorMissing = "anchor.missing";
inline constexpr std::string_view kAnchorNotAllowed = "anchor.not-allowed";
inline constexpr std::string_view kSwSignature = "sw.signature";
inline constexpr std::string_view kSwNoHardware = "sw.no-hardware";
inline constexpr std::string_view kSwMeasurement = "sw.measurement";
// this side: the daemon, its callers and its TPM
inline constexpr std::string_view kDaemonUnreachable = "daemon.unreachable";
inline constexpr std::string_view kDaemonTimeout = "daemon.timeout";
inline constexpr std::string_view kDaemonWrongOwner = "daemon.wrong-owner";
inline constexpr std::string_view kDaemonDenied = "daemon.denied";
inline constexpr std::string_view kDaemonNonce = "daemon.nonce";
inline constexpr std::string_view kDaemonPolicy = "daemon.policy";
inline constexpr std::string_view kDaemonOverloaded = "daemon.overloaded";
inline constexpr std::string_view kDaemonProtocol = "daemon.protocol";
inline constexpr std::string_view kDaemonInternal = "daemon.internal";
inline constexpr std::string_view kDaemonForked = "daemon.forked";
inline constexpr std::string_view kDaemonAnswer = "daemon.answer";
inline constexpr std::string_view kDaemonStopping = "daemon.stopping";
inline constexpr std::string_view kVerdictUnknown = "verdict.unknown";
inline constexpr std::string_view kVerdictEmpty = "verdict.empty";
inline constexpr std::string_view kTpmUnavailable = "tpm.unavailable";
inline constexpr std::string_view kTpmLocked = "tpm.locked";
inline constexpr std::string_view kKeyUnknown = "key.unknown";
inline constexpr std::string_view kKeyExists = "key.exists";
inline constexpr std::string_view kKeyReference = "key.reference";
inline constexpr std::string_view kKeyDigest = "key.digest";
inline constexpr std::string_view kKeyContent = "key.content";
inline constexpr std::string_view kKeyScheme = "key.scheme";
inline constexpr std::string_view kKeyChanged = "key.changed";
inline constexpr std::string_view kHookBroken = "hook.broken";
inline constexpr std::string_view kConfigBad = "config.bad";
inline constexpr std::string_view kTpmSelfTest = "tpm.self-test";
inline constexpr std::string_view kKeyRevoked = "key.revoked";
inline constexpr std::string_view kKeyPrivate = "key.private";
inline constexpr std::string_view kHookNoRequest = "hook.no-request";
inline constexpr std::string_view kHookNoSecret = "hook.no-secret";
inline constexpr std::string_view kMachineCertificate = "machine.certificate";
// warnings of attestctl status
inline constexpr std::string_view kEpochSource = "epoch.source";
inline constexpr std::string_view kAuditLost = "audit.lost";
inline constexpr std::string_view kCallerRaw = "caller.raw";
inline constexpr std::string_view kConfigCertificate = "config.certificate";
inline constexpr std::string_view kMetadataOwnImage = "metadata.image";
inline constexpr std::string_view kMetadataOwnManifest = "metadata.manifest";
inline constexpr std::string_view kMetadataProblem = "metadata.problem";
inline constexpr std::string_view kPolicyNone = "policy.none";
inline constexpr std::string_view kPolicyObserve = "policy.observe";
}  // namespace check

struct CheckInfo {
  std::string_view id;
  std::string_view meaning;  // half a sentence, said after the name
};

// all_checks lists every name, in the order in which a handshake meets them.
std::span<const CheckInfo> all_checks();
// check_meaning: the half sentence for a name; "" for a name that is not ours.
std::string_view check_meaning(std::string_view id);

}  // namespace attest
