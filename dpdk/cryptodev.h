// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "crypto/backend.h"
#include "src/base/counter.h"
#include "src/base/result.h"

/// A signing device: RSA of one private key on an accelerator, through DPDK's cryptodev. Everything
/// else is done on the CPU, by the fastest back end there.

typedef struct {
    col_counter signatures;  ///< made by the device and released
    col_counter refused;     ///< the device's was missing or wrong: made on the CPU
} col_cryptodev_counters;

/// Set up a device with a queue pair for each signer. Once per process, after col_net_open.
/// @param device PCI address, or the name of a virtual device ("crypto_openssl")
/// @param key the private key that it signs with, borrowed
/// @param counters [signers], each written by the signer of that number
/// @return error: no such device, no RSA, too few queue pairs, another key. Each names the remedy.
COL_MUST_USE col_result col_cryptodev_open(const char *device, const col_key *key, uint32_t signers,
                                           col_cryptodev_counters *counters);

/// Stop the device, after all contexts. No-op when none is open.
void col_cryptodev_close(void);

/// Available while a device is open. Its contexts are the signers', in the order of their creation.
/// A signature leaves only when the CPU has verified it with the public key.
extern const col_backend col_backend_cryptodev;
