#include "verifier/checks.h"

namespace attest {
namespace {

using namespace check;  // NOLINT: the table would be unreadable otherwise

constexpr CheckInfo kChecks[] = {
    {kPeerSilent, "the peer gave no evidence"},
    {kPeerRefused, "the peer's evidence was refused"},
    {kPeerVersion, "the peer speaks no TLS 1.3"},
    {kPeerQuic, "a client that would have to attest came over QUIC"},
    {kPeerResumed, "the handshake resumes a session, so it carries no evidence"},
    {kPeerNoCertificate, "the peer showed no X.509 certificate"},
    {kPeerUnjudged, "the peer's certificate was never shown to the module"},
    {kPeerBadRequest, "the peer's request for evidence is malformed"},
    {kPeerBadReply, "the server's answer to our request is malformed"},
    {kPeerChangedRequest, "the request for evidence changed within the handshake"},
    {kPeerTooMuch, "the peer sent more evidence than is ever accepted"},
    {kPeerUnknown, "no peer rule of the policy matches this name and role"},
    {kPeerNotIdentified, "nothing says which machine this is, only that it is an accepted one"},
    {kPeerAnyMachine, "a rule for every name lets any accepted machine stand in for this peer"},
    {kPeerImage, "the peer runs an image that this rule does not allow"},
    {kPeerService, "another service of the machine asked for this evidence"},
    {kEvidenceMalformed, "the evidence does not have the form the protocol demands"},
    {kEvidenceTooLarge, "the evidence exceeds the bounds of the protocol"},
    {kEvidenceInconsistent, "parts of the evidence contradict each other"},
    {kEvidenceUnsupported, "the evidence is of a kind this verifier does not judge"},
    {kEvidenceRole, "the evidence was made for the other side of a handshake"},
    {kAkUntrusted, "the attestation key is neither pinned nor certified by a trusted issuer"},
    {kAkDenied, "the attestation key is on the deny list"},
    {kAkAttributes, "the attestation key could sign more than quotes"},
    {kQuoteSignature, "the signature of the quote does not verify"},
    {kQuoteType, "what was signed is not a quote of a TPM"},
    {kQuoteNotFresh, "the quote was not made for this handshake"},
    {kQuoteSelection, "the quote covers other PCRs than it must"},
    {kLogTooLong, "the measurement log exceeds the bound of the policy"},
    {kLogMalformed, "the measurement log names reference values that do not exist"},
    {kPcrStartValue, "a PCR starts from a value that no platform gives it"},
    {kPcrReplay, "the log does not lead to the quoted PCR values"},
    {kPcrUnexpected, "a boot event is not in the signed references"},
    {kPcrMissing, "a boot event the references demand was not measured"},
    {kPcrOrder, "a known boot event was measured at another place or too often"},
    {kImaUnexpected, "a file that was opened is not in the signed references"},
    {kImaMissing, "the policy demands the file measurement list and the evidence has none"},
    {kMetadataMissing, "the verifier does not hold signed metadata the peer names"},
    {kMetadataExpired, "signed metadata is not valid at this time"},
    {kMetadataUntrusted, "metadata is not signed by a trusted signer"},
    {kMetadataRollback, "the peer names an older version of metadata than the newest one known"},
    {kMetadataImage, "the peer does not name exactly one image description"},
    {kMetadataLayers, "the manifests do not make up the image the peer claims"},
    {kAnchorMissing, "evidence of a device is absent that policy or metadata demand"},
    {kAnchorNotAllowed, "the peer rule does not allow this kind of evidence"},
    {kSwSignature, "the statement of the software driver does not verify"},
    {kSwNoHardware, "the software driver proves nothing about hardware"},
    {kSwMeasurement, "the software driver measured something the references do not name"},
    {kDaemonUnreachable, "the local daemon does not answer on its socket"},
    {kDaemonTimeout, "the local daemon did not answer in time"},
    {kDaemonWrongOwner, "the socket belongs to another user than the daemon's"},
    {kDaemonDenied, "the local daemon does not grant this caller that right"},
    {kDaemonNonce, "the nonce is not one the local daemon issued for this handshake"},
    {kDaemonPolicy, "the local daemon has no policy of this name"},
    {kDaemonOverloaded, "the local daemon's queue is full"},
    {kDaemonProtocol, "a frame between the program and the daemon was malformed"},
    {kDaemonInternal, "the local daemon met an error of its own"},
    {kDaemonForked, "the connection to the daemon belongs to the process before fork"},
    {kDaemonAnswer, "the daemon's answer makes no sense"},
    {kDaemonStopping, "the local daemon is stopping"},
    {kVerdictUnknown, "the daemon keeps no verdict of this number"},
    {kVerdictEmpty, "no check passed"},
    {kTpmUnavailable, "the TPM of this machine does not answer"},
    {kTpmLocked, "the TPM of this machine is locked out"},
    {kKeyUnknown, "the daemon has no key of this name"},
    {kKeyExists, "the daemon has a key of this name already"},
    {kKeyReference, "a file is not a sound attest key reference"},
    {kKeyDigest, "a delegated key was asked to sign a digest"},
    {kKeyContent, "what was to be signed is no TLS 1.3 CertificateVerify content"},
    {kKeyScheme, "not a TLS 1.3 signature scheme of this key"},
    {kKeyChanged, "the daemon holds another key of this name"},
    {kHookBroken, "the handshake hook could not be armed"},
    {kConfigBad, "a parameter in a configuration file is bad"},
    {kTpmSelfTest, "this machine's own quote does not verify"},
    {kKeyPrivate, "only the provider attest can sign with a delegated key"},
    {kHookNoRequest, "no request for evidence went out in this handshake"},
    {kHookNoSecret, "OpenSSL gave no secret of this handshake"},
    {kMachineCertificate, "the machine has no certificate for a program that has none of its own"},
    {kAuditLost, "verdicts could not be written to the audit log"},
    {kCallerRaw, "a local caller may have any nonce attested"},
    {kConfigCertificate, "a certificate named in the configuration cannot be used"},
    {kMetadataOwnImage, "this machine has no image description to claim"},
    {kMetadataOwnManifest, "a manifest of this machine's image is not in force"},
    {kMetadataProblem, "an item in the metadata folder cannot be used"},
    {kPolicyNone, "there is no policy to judge by"},
    {kPolicyObserve, "peers are judged and nobody is refused"},
};

}  // namespace

std::span<const CheckInfo> all_checks() { return kChecks; }

std::string_view check_meaning(std::string_view id) {
  for (const CheckInfo& info : kChecks)
    if (info.id == id) return info.meaning;
  return "";
}

}  // namespace attest
