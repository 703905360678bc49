// process.h: what the daemon does to its own process before it serves anybody.
#pragma once
#include <string>

#include "evidence/core/fd.h"
#include "evidence/core/result.h"

namespace attest {

// isolate_openssl keeps OpenSSL from reading openssl.cnf: the daemon would load the module that calls the
// daemon. Comes before any other use of OpenSSL; io if OpenSSL fails.
Status isolate_openssl();

// harden_process: no core dumps, no ptrace by the own user, umask 077, no new privileges, as many descriptors
// as allowed, few malloc arenas, and memory locked where the limit is open. What cannot be had is not an
// error.
void harden_process();

// lock_key_memory gives OpenSSL's private keys memory that is locked and kept out of core dumps; false if it cannot be
// locked (RLIMIT_MEMLOCK). Comes before the first key is made.
bool lock_key_memory();

// lock_folder makes sure that one daemon alone uses a state folder; the lock lasts as long as the descriptor.
// denied if another has it.
Result<OwnedFd> lock_folder(const std::string& folder);

// spare_memory: one malloc arena, and what was large goes back at once; part of harden_process.
void spare_memory();

// return_memory gives freed pages back to the system, after something large came and went; milliseconds.
void return_memory();

// log_line writes one line to stderr; line breaks in text become spaces.
void log_line(std::string text);

}  // namespace attest
