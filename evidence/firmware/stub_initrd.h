// stub_initrd.h: what the stub of a unified kernel image hands to the kernel as its initrd: the image's own, with archives that it packs.
#pragma once
#include "evidence/firmware/unified_image.h"

namespace attest {

// stub_initrd: the initrd of an image that is booted with nothing beside it (no credentials, no extensions, no addons); empty if there
// is none. The kernel hashes it in one piece (PCR 9).
//   252 to 255   .initrd; behind it .pcrsig and .pcrpkey, each in an archive of its own
//   256          .ucode ahead of it
//   257, 258     .osrel and .profile behind it
Bytes stub_initrd(const UnifiedImage& image);

}  // namespace attest
